// The command line: which commands there are, their arguments and options, in words.
import { Command, InvalidArgumentError, Option } from "commander";
import type { CommandWorld } from "./command-world.ts";
import { down, type FarmChoice } from "./commands/down.ts";
import { type GetOptions, get } from "./commands/get.ts";
import { type PutOptions, put } from "./commands/put.ts";
import { status } from "./commands/status.ts";
import { type UpOptions, up } from "./commands/up.ts";
import { createOutput, type Output } from "./output.ts";

/** The command line over `world`; a command that fails rejects from `parseAsync`. */
export function createProgram(world: CommandWorld, version: string): Command {
  const program = new Command("vaultfarm")
    .description("Farms of SAFE vaults: run one on this machine, store files in it, read them back.")
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => world.streams.out.write(text), writeErr: (text) => world.streams.err.write(text) })
    .showHelpAfterError("(see: vaultfarm --help)")
    .addHelpText("after", "\nExit codes and examples: docs/cli.md");
  addFarmCommands(program, world);
  addObjectCommands(program, world);
  return program;
}

type Json = { readonly json?: boolean };

function outputOf(world: CommandWorld, { json }: Json): Output {
  return createOutput(world.streams, json === true);
}

const dataOption = (): Option => new Option("--data <dir>", "folder that holds local farms").default(".vaultfarm");
const nameOption = (): Option => new Option("-n, --name <farm>", "which farm; may be left out while there is only one");
const jsonOption = (): Option => new Option("--json", "the result as one line of JSON");
const gatewayOption = (): Option => new Option("--gateway <url>", "a gateway, instead of one of the local farm");

function addFarmCommands(program: Command, world: CommandWorld): void {
  program
    .command("up")
    .description("start a farm on this machine and keep it running until Ctrl-C; the data stays")
    .option("-f, --file <manifest>", "a VaultFarm manifest (default: the sample farm attic)")
    .option("--port <port>", "port of the first gateway; fails where it is in use (default: 8080 or the next free one)", parsePort)
    .option("--no-restart", "leave a process that died dead")
    .option("--ephemeral", "remove the farm and all its data at the end", false)
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((options: UpOptions & Json) => up(world, outputOf(world, options), options));
  program
    .command("down")
    .description("stop a running farm in good order; the data stays")
    .addOption(nameOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((options: FarmChoice & Json) => down(world, outputOf(world, options), options));
  program
    .command("status")
    .description("show a farm: its gateways, nodes, processes, vaults")
    .addOption(nameOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((options: FarmChoice & Json) => status(world, outputOf(world, options), options));
}

function addObjectCommands(program: Command, world: CommandWorld): void {
  program
    .command("put")
    .description("store a file and print its address")
    .argument("<file>", 'a file, or "-" for standard input')
    .option("--public", "keep the map readable: anybody who runs a vault can read the object", false)
    .addOption(gatewayOption())
    .addOption(nameOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((file: string, options: PutOptions & Json) => put(world, outputOf(world, options), file, options));
  program
    .command("get")
    .description("read an object into a file, or to standard output")
    .argument("<address>", "what put printed")
    .option("-o, --output <file>", "the file to write")
    .addOption(gatewayOption())
    .addOption(nameOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((address: string, options: GetOptions & Json) => get(world, outputOf(world, options), address, options));
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new InvalidArgumentError("expected a port from 1 to 65535");
  return port;
}
