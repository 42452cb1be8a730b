// Why a port could not be opened, in words that say what to do.

/** in-use: another program holds it · denied: the system does not allow it · failed: anything else. */
export type ListenErrorCode = "in-use" | "denied" | "failed";

/** A port that could not be opened. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: ListenErrorCode;
  readonly port: number;
  constructor(code: ListenErrorCode, message: string, facts: { port: number; cause: unknown }) {
    super(message, { cause: facts.cause });
    this.code = code;
    this.port = facts.port;
  }
}

/** The error for a failed listen: `name` what it was for, `portSetting` the setting that chooses another port. */
export function listenError(cause: Error, wanted: { name: string; ip: string; port: number; portSetting: string }): ListenError {
  const { name, ip, port, portSetting } = wanted;
  const system = "code" in cause ? cause.code : undefined;
  if (system === "EADDRINUSE")
    return new ListenError(
      "in-use",
      `${name}: port ${port} on ${ip} is in use by another program; stop that program or set ${portSetting} to a free port`,
      { port, cause },
    );
  if (system === "EACCES")
    return new ListenError("denied", `${name}: port ${port} on ${ip} is not allowed to this user; set ${portSetting} above 1023`, {
      port,
      cause,
    });
  return new ListenError("failed", `${name}: cannot listen on ${ip} port ${port}: ${cause.message}`, { port, cause });
}
