// What the operating system refuses a command: a file that cannot be read or written, a full disk.
import { type ExitCode, exitCodes } from "./exit-code.ts";

export type SystemError = Error & { readonly code: string; readonly syscall: string; readonly path?: string };

/** Whether this error came from the operating system. */
export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "code" in error && typeof error.code === "string" && "syscall" in error;
}

/** What the usual refusals mean. */
const meanings: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of it is no folder",
  EEXIST: "it is there already, and is not written over",
  EISDIR: "it is a folder",
  EACCES: "you may not read or write it",
  EPERM: "you may not read or write it",
  EROFS: "it lies where nothing can be written",
  ENOSPC: "the disk is full",
  ENAMETOOLONG: "the name is too long",
};

/** How a command ends that met this error: what it means, or the system's own words, which name the file and what was tried. */
export function describeSystemError({ code, path, message }: SystemError): { exitCode: ExitCode; code: string; message: string } {
  const meaning = meanings[code];
  const known = path === undefined || meaning === undefined ? message : `${path}: ${meaning}`;
  return { exitCode: exitCodes.notFound, code: code.toLowerCase(), message: known };
}
