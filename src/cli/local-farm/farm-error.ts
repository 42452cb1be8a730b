// Why a local farm cannot do what was asked, with the exit code's kind and the next step in the message.

/**
 * bad-manifest: the manifest is wrong or asks for what this farm cannot become · no-farm: there is none of that name ·
 * which-farm: several, and none was named · not-running: it exists and does not run · running: it runs already, elsewhere ·
 * port-in-use · no-place: its folder cannot be made · disk-too-small · broken-data: its files are damaged or of another format · not-ready: its processes did not
 * come up in time.
 */
export type FarmErrorCode =
  | "bad-manifest"
  | "no-farm"
  | "which-farm"
  | "not-running"
  | "running"
  | "port-in-use"
  | "no-place"
  | "disk-too-small"
  | "broken-data"
  | "not-ready";

/** A local farm that cannot do what was asked. */
export class FarmError extends Error {
  override readonly name = "FarmError";
  readonly code: FarmErrorCode;
  constructor(code: FarmErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}
