// The verbs of `kubectl vaultfarm` with their options and rights, as its page shows them.
import type { Command } from "commander";
import { createKubectlProgram } from "../src/cli/kubectl/command-line.ts";
import { kubectlVerbs, rightsText } from "../src/cli/kubectl/rights.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { systemRandom } from "../src/runtime/random.ts";

const shared = ["--namespace", "--context", "--kubeconfig"];

/** A table, made from the command line itself. */
export function kubectlVerbsTable(): string {
  const program = createKubectlProgram(
    {
      streams: { out: process.stdout, err: process.stderr },
      input: process.stdin,
      outIsTerminal: false,
      workFolder: ".",
      packageFolder: ".",
      baseEnv: {},
      clock: systemClock,
      random: systemRandom,
      interrupted: new AbortController().signal,
    },
    "",
  );
  const rows = kubectlVerbs.flatMap((name) => {
    const command = program.commands.find((one) => one.name() === name);
    return command === undefined ? [] : [`| ${cell(usage(command))} | ${cell(command.description())} | ${cell(rightsText(name))} |`];
  });
  return ["| verb | what it does | rights in the cluster |", "| --- | --- | --- |", ...rows].join("\n");
}

function usage(command: Command): string {
  const named = command.registeredArguments.map((one) => (one.required ? one.name().toUpperCase() : `[${one.name().toUpperCase()}]`));
  const options = command.options.filter(({ long }) => !shared.includes(long ?? ""));
  const written = options.map(({ flags, argChoices, long }) =>
    argChoices === undefined ? `[${flags}]` : `[${long} ${argChoices.join("|")}]`,
  );
  return `\`${[command.name(), ...named, ...written].join(" ")}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
