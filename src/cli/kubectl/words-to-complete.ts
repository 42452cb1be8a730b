// What kubectl is told when a person presses Tab behind `kubectl vaultfarm`: the protocol of kubectl's own completion, a
// word a line with what it is about, and last a number that says how files are to be treated.
import type { Command } from "commander";

/** What may stand at a place: farms, nodes or files. */
export type ArgumentNames = { farms(): Promise<readonly string[]>; nodes(): Promise<readonly string[]> };

/** No file is meant, or one may be (cobra: ShellCompDirectiveNoFileComp, ShellCompDirectiveDefault). */
const noFiles = 4;
const files = 0;

/** The answer for `typed`, of which the last word is being written. */
export async function wordsToComplete(program: Command, typed: readonly string[], names: ArgumentNames): Promise<string> {
  const [verb, ...rest] = typed;
  const last = typed.at(-1) ?? "";
  const command = rest.length === 0 ? undefined : program.commands.find((one) => one.name() === verb);
  if (command === undefined) return answer(rest.length === 0 ? verbs(program) : [], last, noFiles);
  const before = rest.at(-2) ?? "";
  const option = command.options.find(({ short, long }) => before !== "" && (before === short || before === long));
  if (option !== undefined && (option.required || option.optional)) {
    const choices = (option.argChoices ?? []).map((name) => [name, ""] as const);
    return answer(choices, last, choices.length === 0 ? files : noFiles);
  }
  if (last.startsWith("-"))
    return answer(
      command.options.map(({ long, description }) => [long ?? "", description]),
      last,
      noFiles,
    );
  const argument = command.registeredArguments[0]?.name();
  if (argument === "file") return answer([], last, files);
  const found = argument === "node" ? await names.nodes() : argument === "farm" ? await names.farms() : [];
  return answer(
    found.map((name) => [name, argument ?? ""]),
    last,
    noFiles,
  );
}

function verbs(program: Command): readonly (readonly [string, string])[] {
  return program.commands
    .filter((command) => command.name() !== "complete-words")
    .map((command) => [command.name(), command.description()]);
}

function answer(words: readonly (readonly [string, string])[], prefix: string, directive: number): string {
  const fitting = words.filter(([word]) => word.startsWith(prefix));
  return [...fitting.map(([word, about]) => (about === "" ? word : `${word}\t${about}`)), `:${directive}`, ""].join("\n");
}
