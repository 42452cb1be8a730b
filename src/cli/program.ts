// The command line: which commands there are, their arguments and options, in words. What a command does is loaded only
// when it is called, so that each starts as fast as it can.
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { replicasMax } from "../operator/api/vault-farm.ts";
import type { CommandWorld } from "./command-world.ts";
import type { DeclareLostOptions } from "./commands/declare-lost.ts";
import type { FarmChoice } from "./commands/down.ts";
import type { DrainOptions } from "./commands/drain.ts";
import type { GetOptions } from "./commands/get.ts";
import type { DecryptOptions, EncryptOptions } from "./commands/offline.ts";
import type { PutOptions } from "./commands/put.ts";
import type { StatusOptions } from "./commands/status.ts";
import type { UpOptions } from "./commands/up.ts";
import { completionScript, type Shell, shells } from "./completion.ts";
import { createOutput, type Output } from "./output.ts";

/** The command line over `world`; a command that fails rejects from `parseAsync`. `isJson`: what is wrong with the arguments is left to the caller to say. */
export function createProgram(world: CommandWorld, version: string, isJson = false): Command {
  const program = new Command("vaultfarm")
    .description("Farms of SAFE vaults: run one on this machine, store files in it, read them back.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.streams.out.write(text),
      writeErr: (text) => void (isJson || world.streams.err.write(text)),
    })
    .showHelpAfterError("(see: vaultfarm --help)")
    .addHelpText("after", "\nExit codes and examples: docs/cli.md");
  addFarmCommands(program, world);
  addMembershipCommands(program, world);
  addObjectCommands(program, world);
  addOfflineCommands(program, world);
  program
    .command("completion")
    .description('print what teaches a shell to complete: eval "$(vaultfarm completion bash)"')
    .addArgument(new Argument("<shell>", "which shell").choices(shells))
    .action((shell: Shell) => void world.streams.out.write(completionScript(shell, program)));
  for (const command of program.commands) command.showHelpAfterError(`(see: vaultfarm ${command.name()} --help)`);
  return program;
}

type Json = { readonly json?: boolean };

function outputOf(world: CommandWorld, { json }: Json): Output {
  return createOutput(world.streams, json === true);
}

const jsonOption = (): Option => new Option("--json", "the result as one line of JSON");
const farmOptions = (): readonly Option[] => [
  new Option("-n, --name <farm>", "which farm; may be left out while there is only one"),
  new Option("--data <dir>", "folder that holds local farms").default(".vaultfarm"),
  jsonOption(),
];
const gatewayOption = (): Option => new Option("--gateway <url>", "a gateway, instead of one of the local farm");

function withOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}

function addFarmCommands(program: Command, world: CommandWorld): void {
  program
    .command("up")
    .description("start a farm on this machine and keep it running until Ctrl-C; the data stays")
    .option("-f, --file <manifest>", "a VaultFarm manifest (default: the sample farm attic)")
    .option("--port <port>", "port of the first gateway; fails where it is in use (default: 8080 or the next free one)", parsePort)
    .option("--no-restart", "leave a process that died dead")
    .option("--ephemeral", "remove the farm and all its data at the end")
    .option("--data <dir>", "folder that holds local farms", ".vaultfarm")
    .addOption(jsonOption())
    .action(async (options: UpOptions & Json) => (await import("./commands/up.ts")).up(world, outputOf(world, options), options));
  withOptions(program.command("down").description("stop a running farm in good order; the data stays"), farmOptions()).action(
    async (options: FarmChoice & Json) => (await import("./commands/down.ts")).down(world, outputOf(world, options), options),
  );
  const status = program
    .command("status")
    .description("show a farm: its gateways, nodes, processes, vaults, copies, and what is amiss")
    .addOption(
      new Option("-o, --output <form>", "wide: also each vault's score and what nodes counted against others; json: as --json").choices([
        "wide",
        "json",
      ]),
    );
  withOptions(status, farmOptions()).action(async (options: StatusOptions & Json) => {
    const json = options.json === true || options.output === "json";
    return (await import("./commands/status.ts")).status(world, outputOf(world, { json }), options);
  });
  const scale = program
    .command("scale")
    .description("give a farm more or fewer nodes; one is taken away only once it is proven that others have its copies")
    .argument("<nodes>", "how many there are to be", parseNodes);
  withOptions(scale, farmOptions()).action(async (nodes: number, options: FarmChoice & Json) =>
    (await import("./commands/scale.ts")).scale(world, outputOf(world, options), nodes, options),
  );
  addDrainCommands(program, world);
}

function addDrainCommands(program: Command, world: CommandWorld): void {
  const drain = program
    .command("drain")
    .description("move what a node holds to others and wait until it may be stopped for good; the node keeps running")
    .argument("<node>", "its name, or the end of its id")
    .option("--leave", "then have it leave for good: the farm takes it away and has a node less", false);
  withOptions(drain, farmOptions()).action(async (node: string, options: DrainOptions & Json) =>
    (await import("./commands/drain.ts")).drain(world, outputOf(world, options), node, options),
  );
  const undrain = program
    .command("undrain")
    .description("let a node that drains take part again; nothing is moved back")
    .argument("<node>", "its name, or the end of its id");
  withOptions(undrain, farmOptions()).action(async (node: string, options: DrainOptions & Json) =>
    (await import("./commands/drain.ts")).undrain(world, outputOf(world, options), node, options),
  );
}

function addMembershipCommands(program: Command, world: CommandWorld): void {
  const declareLost = program
    .command("declare-lost")
    .description("the owner's word that nodes are gone for good, where half of the confirmed ones or more are lost")
    .argument("<node...>", "names, or ends of peer ids, as status shows them")
    .option("--dry-run", "say what it assumes, sign nothing");
  withOptions(declareLost, farmOptions()).action(async (nodes: string[], options: DeclareLostOptions & Json) =>
    (await import("./commands/declare-lost.ts")).declareLost(world, outputOf(world, options), nodes, options),
  );
}

function addObjectCommands(program: Command, world: CommandWorld): void {
  const put = program
    .command("put")
    .description("store a file and print its address")
    .argument("<file>", 'a file, or "-" for standard input')
    .option("--public", "keep the map readable: anybody who runs a vault can read the object");
  withOptions(put, [gatewayOption(), ...farmOptions()]).action(async (file: string, options: PutOptions & Json) =>
    (await import("./commands/put.ts")).put(world, outputOf(world, options), file, options),
  );
  const get = program
    .command("get")
    .description("read an object into a file, or to standard output")
    .argument("<address>", "what put printed")
    .option("-o, --output <file>", "the file to write");
  withOptions(get, [gatewayOption(), ...farmOptions()]).action(async (address: string, options: GetOptions & Json) =>
    (await import("./commands/get.ts")).get(world, outputOf(world, options), address, options),
  );
}

function addOfflineCommands(program: Command, world: CommandWorld): void {
  program
    .command("encrypt")
    .description("cut and encrypt a file without a network: chunks named by their address, the data map beside them")
    .argument("<file>", "the file")
    .requiredOption("--out <dir>", "folder for chunks and map")
    .option("--dense", "compress harder, much slower")
    .addOption(jsonOption())
    .action(async (file: string, options: EncryptOptions & Json) =>
      (await import("./commands/offline.ts")).encrypt(world, outputOf(world, options), file, options),
    );
  program
    .command("decrypt")
    .description("put a file together again from its map and chunks, without a network")
    .argument("<map>", "the data map")
    .requiredOption("--chunks <dir>", "folder of the chunks")
    .requiredOption("--out <file>", "the file to write")
    .addOption(jsonOption())
    .action(async (map: string, options: DecryptOptions & Json) =>
      (await import("./commands/offline.ts")).decrypt(world, outputOf(world, options), map, options),
    );
}

function parseNodes(text: string): number {
  const nodes = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (nodes < 1 || nodes > replicasMax) throw new InvalidArgumentError(`expected a number of nodes from 1 to ${replicasMax}`);
  return nodes;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new InvalidArgumentError("expected a port from 1 to 65535");
  return port;
}
