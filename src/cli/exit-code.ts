// The exit codes of the command line, in one table: commands, documents and tests take them from here.
import type { FarmErrorCode } from "./local-farm/farm-error.ts";

export const exitCodes = {
  done: 0,
  /** Something nobody foresaw. */
  failed: 1,
  /** Wrong arguments, or a manifest that is wrong. */
  usage: 2,
  /** No such address or farm; a file that is not there or cannot be used. */
  notFound: 3,
  /** The farm does not run, or the gateway does not answer. */
  unreachable: 4,
  /** The farm refused: too few copies, full, quota, writes are off. */
  refused: 5,
  /** The farm cannot start: port in use, no place for its data, disk too small, its files damaged, members not ready. */
  cannotStart: 6,
  /** What came back is not whole or not what was stored. */
  damaged: 7,
  /** Ended by Ctrl-C. */
  interrupted: 130,
  /** Whoever read standard output went away (`| head`): 128 + SIGPIPE, as shells have it. */
  readerGone: 141,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit code of a local farm's error. */
export const exitCodeOfFarmError: Readonly<Record<FarmErrorCode, ExitCode>> = {
  "bad-manifest": exitCodes.usage,
  "no-farm": exitCodes.notFound,
  "which-farm": exitCodes.usage,
  "not-running": exitCodes.unreachable,
  running: exitCodes.refused,
  "port-in-use": exitCodes.cannotStart,
  "no-place": exitCodes.cannotStart,
  "disk-too-small": exitCodes.cannotStart,
  "broken-data": exitCodes.cannotStart,
  "not-ready": exitCodes.cannotStart,
};
