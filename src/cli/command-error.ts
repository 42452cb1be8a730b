// A command that ends without doing what was asked: its exit code, a stable word for scripts, and a sentence with the
// next step for people.
import type { ExitCode } from "./exit-code.ts";

export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;
  /** A word that stays the same from version to version. */
  readonly code: string;
  constructor(exitCode: ExitCode, code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.exitCode = exitCode;
    this.code = code;
  }
}
