// What the operating system refuses a command: a file that cannot be read or written, a full disk.
import { type ExitCode, exitCodes } from "./exit-code.ts";

export type SystemError = Error & { readonly code: string; readonly syscall: string };

/** Whether this error came from the operating system. */
export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "code" in error && typeof error.code === "string" && "syscall" in error;
}

/** How a command ends that met this error. The system's own words name the file and what was tried. */
export function describeSystemError({ code, message }: SystemError): { exitCode: ExitCode; code: string; message: string } {
  return { exitCode: exitCodes.notFound, code: code.toLowerCase(), message };
}
