// The command line `kubectl vaultfarm`: its verbs, their arguments and options, in words. What a verb does is loaded only
// when it is called.
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import type { CommandWorld } from "../command-world.ts";
import { createOutput, type Output } from "../output.ts";
import type { CommandLine } from "../run-command-line.ts";
import type { ClusterOptions } from "./cluster.ts";
import type { DestroyOptions } from "./destroy.ts";
import type { LogOptions } from "./logs.ts";
import type { ReplaceOptions, WishOptions, WishVerb } from "./node-wishes.ts";
import type { ObjectOptions } from "./objects.ts";
import type { ReportOptions } from "./report.ts";
import { type KubectlVerb, rightsText } from "./rights.ts";
import type { ShowOptions } from "./show.ts";
import type { TopOptions } from "./top.ts";
import { wordsToComplete } from "./words-to-complete.ts";

/** The command line `kubectl vaultfarm`. */
export const kubectlVaultfarm: CommandLine = {
  name: "kubectl vaultfarm",
  create: createKubectlProgram,
  isJson: (args) =>
    args.some((arg, i) => /^(-o=?|--output=)json$/.test(arg) || (arg === "json" && /^(-o|--output)$/.test(args[i - 1] ?? ""))),
};

/** The program over `world`; see `createProgram`. */
export function createKubectlProgram(world: CommandWorld, version: string, isJson = false): Command {
  const program = new Command("kubectl vaultfarm")
    .description("Farms of vaults in a cluster: what they do and wait for, their nodes, what is stored in them.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.streams.out.write(text),
      writeErr: (text) => void (isJson || world.streams.err.write(text)),
    })
    .showHelpAfterError("(see: kubectl vaultfarm --help)")
    .addHelpText("after", "\nExit codes and examples: docs/kubectl-plugin.md");
  const say = ({ output }: ClusterOptions): Output => createOutput(world.streams, output === "json");
  const add = { world, program, say };
  addShowing(add);
  addWishes(add);
  addReplace(add);
  addObjects(add);
  addOwners(add);
  addCompletion(add);
  return program;
}

type Add = { readonly world: CommandWorld; readonly program: Command; readonly say: (options: ClusterOptions) => Output };

function verb(program: Command, name: KubectlVerb, about: string): Command {
  return program
    .command(name)
    .description(about)
    .option("-n, --namespace <namespace>", "the farm's namespace (default: the one of the context)")
    .option("--context <name>", "a context of the kubeconfig, instead of the current one")
    .option("--kubeconfig <file>", "instead of KUBECONFIG or ~/.kube/config")
    .addOption(new Option("-o, --output <format>", "json: one line of JSON; wide: more columns and facts").choices(["json", "wide"]))
    .addHelpText("after", `\nRights in the cluster: ${rightsText(name)}`);
}

function addShowing({ world, program, say }: Add): void {
  verb(program, "status", "show farms as trees: zones, nodes, what is not well and what can be done")
    .argument("[farm]", "one farm; without it all of the namespace")
    .option("-A, --all-namespaces", "farms of all namespaces")
    .action(async (farm: string | undefined, options: ShowOptions) =>
      (await import("./show.ts")).status(world, say(options), farm, options),
    );
  verb(program, "plan", "show what the operator does next with a farm, why, and what it waits for; how much is left to be copied")
    .argument("<farm>", "the farm")
    .action(async (farm: string, options: ShowOptions) => (await import("./plan.ts")).plan(world, say(options), farm, options));
  verb(program, "top", "show the nodes of a farm, or its vaults, the fullest first")
    .argument("[farm]", "the farm; may be left out while the namespace has only one")
    .option("--vaults", "vaults instead of nodes, as their pods tell them now")
    .addOption(new Option("--sort <column>", "what comes first").choices(["used", "chunks", "score", "name"]).default("used"))
    .action(async (farm: string | undefined, options: TopOptions) => (await import("./top.ts")).top(world, say(options), farm, options));
}

const wishes: Readonly<Record<WishVerb, string>> = {
  drain: "have a node hand over what it holds; once that is proven it is taken away, and another one made for it",
  undrain: "let a node stay that drains; nothing is moved back",
  cordon: "have a node take no new chunks",
  uncordon: "let a cordoned node take new chunks again",
  fence: "cut a node off from the network; its pod goes on running",
  unfence: "let a fenced node back into the network",
};

function addWishes({ world, program, say }: Add): void {
  for (const [name, about] of Object.entries(wishes) as readonly (readonly [WishVerb, string])[]) {
    const command = verb(program, name, about).argument("<node>", "name of a VaultNode");
    if (name === "drain") command.option("--wait", "follow it until the node is gone, or say what keeps it");
    command.action(async (node: string, options: WishOptions) =>
      (await import("./node-wishes.ts")).wish(world, say(options), name, { node, options }),
    );
  }
}

function addReplace({ world, program, say }: Add): void {
  verb(program, "replace", "delete a VaultNode: it drains and goes with its identity, and another one is made; cannot be undone")
    .argument("<node>", "name of a VaultNode")
    .option("-y, --yes", "do not ask", false)
    .option("--wait", "follow it until the node is gone, or say what keeps it")
    .action(async (node: string, options: ReplaceOptions) =>
      (await import("./node-wishes.ts")).replace(world, say(options), node, options),
    );
}

const farmOption = (): Option => new Option("--farm <farm>", "which farm; may be left out while the namespace has only one");

function addObjects({ world, program, say }: Add): void {
  verb(program, "put", "store a file in a farm through the API server, and print its address")
    .argument("<file>", 'a file, or "-" for standard input')
    .addOption(farmOption())
    .option("--public", "keep the map readable: anybody who runs a vault can read the object", false)
    .action(async (file: string, options: ObjectOptions & { public: boolean }) =>
      (await import("./objects.ts")).put(world, say(options), file, options),
    );
  verb(program, "get", "read an object through the API server into a file, or to standard output")
    .argument("<address>", "what put printed")
    .addOption(farmOption())
    .option("--out <file>", "the file to write")
    .action(async (address: string, options: ObjectOptions & { out?: string }) =>
      (await import("./objects.ts")).get(world, say(options), address, options),
    );
}

function addOwners({ world, program, say }: Add): void {
  verb(program, "report", "write what a helper must know into a zip file: status, plan, objects, events, logs, metrics; never a Secret")
    .argument("[farm]", "the farm; may be left out while the namespace has only one")
    .option("--out <file>", "the file to write (default: FARM-report.zip; with -o json one JSON, FARM-report.json)")
    .action(async (farm: string | undefined, options: ReportOptions) =>
      (await import("./report.ts")).report(world, say(options), farm, options),
    );
  verb(program, "logs", "print the last lines of a farm's pods, of all together in the order of their time")
    .argument("<farm>", "the farm")
    .argument("[node]", "name of a VaultNode: only of its pod")
    .addOption(new Option("--tail <lines>", "how many of each pod").default(100).argParser(lineCount))
    .action(async (farm: string, node: string | undefined, options: LogOptions) =>
      (await import("./logs.ts")).logs(world, say(options), { farm, node }, options),
    );
  verb(program, "destroy", "delete a farm and all it keeps when it is only deleted: volumes, keys; without --yes-delete-data only lists it")
    .argument("<farm>", "the farm")
    .option("--yes-delete-data", "do it: nothing of it can be brought back", false)
    .action(async (farm: string, options: DestroyOptions) => (await import("./destroy.ts")).destroy(world, say(options), farm, options));
}

/** Most lines of a pod that may be asked for. */
const tailMax = 10_000;

function lineCount(text: string): number {
  const count = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > tailMax) throw new InvalidArgumentError(`expected a whole number from 1 to ${tailMax}`);
  return count;
}

function addCompletion({ world, program }: Add): void {
  program
    .command("complete-words", { hidden: true })
    .addArgument(new Argument("[words...]"))
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const { farmNames, nodeNames } = await import("./names.ts");
      const options = namedCluster(words);
      const names = { farms: () => farmNames(world, options), nodes: () => nodeNames(world, options) };
      world.streams.out.write(await wordsToComplete(program, words, names));
    });
}

/** The cluster that the words typed so far mean. */
function namedCluster(words: readonly string[]): ClusterOptions {
  const after = (...flags: readonly string[]): string | undefined => words.find((_, i) => i > 0 && flags.includes(words[i - 1] ?? ""));
  const [namespace, context, kubeconfig] = [after("-n", "--namespace"), after("--context"), after("--kubeconfig")];
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(context === undefined ? {} : { context }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
  };
}
