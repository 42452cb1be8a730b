// Runs the command line once: arguments in, exit code out, an error as one sentence (or one line of JSON).
import { type Command, CommanderError } from "commander";
import { CommandError } from "./command-error.ts";
import type { CommandWorld } from "./command-world.ts";
import { type ExitCode, exitCodeOfFarmError, exitCodes } from "./exit-code.ts";
import { FarmError } from "./local-farm/farm-error.ts";
import { createProgram } from "./program.ts";
import { describeSystemError, isSystemError } from "./system-error.ts";

/** A command line: its name as it is typed, what it is made of, and whether arguments ask for JSON. */
export type CommandLine = {
  readonly name: string;
  readonly create: (world: CommandWorld, version: string, isJson: boolean) => Command;
  readonly isJson: (args: readonly string[]) => boolean;
};

/** The command line `vaultfarm`. */
export const vaultfarm: CommandLine = { name: "vaultfarm", create: createProgram, isJson: asksForJson };

// `-o` of `get` names a file.
function asksForJson(args: readonly string[]): boolean {
  return args.includes("--json") || (args[0] === "status" && /(^| )(-o|--output)[ =]?json( |$)/.test(args.join(" ")));
}

/** The exit code of a command line with these arguments (without program names). Never rejects. */
export async function runCommandLine(
  world: CommandWorld,
  version: string,
  args: readonly string[],
  line: CommandLine = vaultfarm,
): Promise<ExitCode> {
  const isJson = line.isJson(args);
  try {
    await line.create(world, version, isJson).parseAsync(args, { from: "user" });
    return exitCodes.done;
  } catch (error) {
    const { exitCode, code, message } = describeFailure(error, world);
    // The parser has told people already what is wrong; help and version end with 0.
    const told = exitCode === exitCodes.done || (error instanceof CommanderError && !isJson);
    if (!told) world.streams.err.write(`${isJson ? JSON.stringify({ error: { code, message } }) : `${line.name}: ${message}`}\n`);
    return exitCode;
  }
}

type Failure = { readonly exitCode: ExitCode; readonly code: string; readonly message: string };

function describeFailure(error: unknown, world: CommandWorld): Failure {
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode === 0 ? exitCodes.done : exitCodes.usage, code: "usage", message: error.message };
  if (error instanceof CommandError) return error;
  if (error instanceof FarmError) return { exitCode: exitCodeOfFarmError[error.code], code: error.code, message: error.message };
  if (world.interrupted.aborted) return { exitCode: exitCodes.interrupted, code: "interrupted", message: "interrupted" };
  if (isSystemError(error)) return describeSystemError(error);
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: exitCodes.failed, code: "failed", message: `something went wrong that should not: ${message}` };
}
