// Completion in the shell, made from the command line itself, so that it knows every command and option there is. What is
// no option is a file: the shell's own completion does that.
import type { Command } from "commander";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

type Flag = { readonly long: string; readonly short: string | undefined; readonly about: string; readonly takesValue: boolean };
type Verb = { readonly name: string; readonly about: string; readonly flags: readonly Flag[] };

/** The script that teaches `shell` to complete `program`. Pure. */
export function completionScript(shell: Shell, program: Command): string {
  const verbs = program.commands.map((command) => ({
    name: command.name(),
    about: command.description(),
    flags: command.options.map(({ long, short, description, required, optional }) => ({
      long: long ?? "",
      short,
      about: description,
      takesValue: required || optional,
    })),
  }));
  return { bash, zsh, fish }[shell](program.name(), verbs);
}

function bash(name: string, verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) => `    ${verb.name}) words="${verb.flags.map(({ long }) => long).join(" ")}" ;;`);
  return `# eval "$(${name} completion bash)"
_${name}() {
  local word=\${COMP_WORDS[COMP_CWORD]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then words="${verbs.map((verb) => verb.name).join(" ")}"
  else case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o bashdefault -o default -F _${name} ${name}
`;
}

// Inside zsh's single quotes; brackets and colons have a meaning of their own in its descriptions.
const zshText = (text: string): string => text.replaceAll("'", "'\\''").replace(/[[\]:]/g, "\\$&");

function zsh(name: string, verbs: readonly Verb[]): string {
  const described = verbs.map((verb) => `    '${verb.name}:${zshText(verb.about)}'`);
  const flag = ({ long, about, takesValue }: Flag): string => `'${long}[${zshText(about)}]${takesValue ? ":value:_files" : ""}'`;
  const cases = verbs.map((verb) => `    ${verb.name}) _arguments ${[...verb.flags.map(flag), "'*:file:_files'"].join(" ")} ;;`);
  return `# eval "$(${name} completion zsh)"
_${name}() {
  local -a verbs=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then _describe command verbs; return; fi
  local verb=$words[2]
  shift words; (( CURRENT-- ))
  case $verb in
${cases.join("\n")}
  esac
}
compdef _${name} ${name}
`;
}

const fishText = (text: string): string => text.replace(/[\\']/g, "\\$&");

function fish(name: string, verbs: readonly Verb[]): string {
  const lines = verbs.flatMap((verb) => [
    `complete -c ${name} -n __fish_use_subcommand -f -a ${verb.name} -d '${fishText(verb.about)}'`,
    ...verb.flags.map(({ long, short, about, takesValue }) => {
      const shortened = short === undefined ? "" : ` -s ${short.slice(1)}`;
      const only = `'__fish_seen_subcommand_from ${verb.name}'`;
      return `complete -c ${name} -n ${only} -l ${long.slice(2)}${shortened}${takesValue ? " -r" : ""} -d '${fishText(about)}'`;
    }),
  ]);
  return [`# ${name} completion fish | source`, ...lines, ""].join("\n");
}
