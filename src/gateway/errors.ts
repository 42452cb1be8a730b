// Everything a gateway can answer that is not a success: one table from stable code to status and title, one error
// class, and how errors of the client library become such codes.
import { ClientError, type ClientErrorCode } from "../client/errors.ts";

type Outcome = { readonly status: number; readonly title: string };

/** What an asker can rely on: codes never change their meaning. */
export type ProblemCode =
  | "bad-request"
  | "bad-address"
  | "bad-type"
  | "bad-upload-id"
  | "empty"
  | "wrong-size"
  | "writes-off"
  | "foreign-host"
  | "foreign-origin"
  | "service-worker"
  | "key-needed"
  | "wrong-key"
  | "not-found"
  | "no-such-page"
  | "wrong-method"
  | "slow-upload"
  | "too-large"
  | "unsupported-body"
  | "bad-range"
  | "wrong-hash"
  | "quota"
  | "too-many-requests"
  | "headers-too-large"
  | "aborted"
  | "internal"
  | "damaged"
  | "insufficient-copies"
  | "not-ready"
  | "busy"
  | "stopping"
  | "farm-full"
  | "spool-full";

/** Code → status and title, as in the problem documents (RFC 9457). Codes never change their meaning. */
export const problems: Readonly<Record<ProblemCode, Outcome>> = {
  "bad-request": { status: 400, title: "The request is not understood" },
  "bad-address": { status: 400, title: "Not an address" },
  "bad-type": { status: 400, title: "Not a type that can be chosen" },
  "bad-upload-id": { status: 400, title: "Not an upload id" },
  empty: { status: 400, title: "Nothing to store" },
  "wrong-size": { status: 400, title: "Other than the declared size" },
  "writes-off": { status: 403, title: "This gateway does not store" },
  "foreign-host": { status: 421, title: "Not a name of this gateway" },
  "foreign-origin": { status: 403, title: "Writes from other sites are not accepted" },
  "service-worker": { status: 403, title: "Service workers are not served" },
  "key-needed": { status: 403, title: "A private object needs its key" },
  "wrong-key": { status: 403, title: "The key does not open this object" },
  "not-found": { status: 404, title: "No vault has it" },
  "no-such-page": { status: 404, title: "No such page" },
  "wrong-method": { status: 405, title: "Not with this method" },
  "slow-upload": { status: 408, title: "The upload was too slow or stood still" },
  "too-large": { status: 413, title: "Too large" },
  "unsupported-body": { status: 415, title: "The body cannot be taken in this form" },
  "bad-range": { status: 416, title: "The range lies outside" },
  "wrong-hash": { status: 422, title: "The bytes do not have this address" },
  quota: { status: 429, title: "The quota of the day is used up" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  "headers-too-large": { status: 431, title: "The headers are too large" },
  aborted: { status: 499, title: "The request was given up" },
  internal: { status: 500, title: "The gateway failed" },
  damaged: { status: 502, title: "Only damaged copies were found" },
  "insufficient-copies": { status: 503, title: "Too few vaults took it" },
  "not-ready": { status: 503, title: "The network does not answer" },
  busy: { status: 503, title: "Too much at once" },
  stopping: { status: 503, title: "The gateway is stopping" },
  "farm-full": { status: 507, title: "The farm is full" },
  "spool-full": { status: 507, title: "The gateway has no room for an upload of unknown length" },
};

/** All codes, for documents and schemas. */
export const problemCodes: readonly ProblemCode[] = Object.keys(problems) as ProblemCode[];

/** Seconds after which trying again makes sense, for the codes where it does. */
const retryAfterS: Partial<Record<ProblemCode, number>> = {
  quota: 3600,
  "too-many-requests": 60,
  "insufficient-copies": 5,
  "not-ready": 5,
  busy: 2,
  stopping: 5,
};

/** A request that is answered with a problem document. `detail` is shown to the asker: no keys, no content, no foreign text. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ProblemCode;
  /** Headers that belong to the answer. */
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: ProblemCode, detail: string, facts: { cause?: unknown; headers?: Readonly<Record<string, string>> } = {}) {
    super(detail, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    const after = retryAfterS[code];
    this.headers = { ...(after === undefined ? {} : { "retry-after": String(after) }), ...facts.headers };
  }
}

const ofClient: Record<ClientErrorCode, ProblemCode> = {
  "insufficient-copies": "insufficient-copies",
  "not-found": "not-found",
  damaged: "damaged",
  "key-needed": "key-needed",
  "wrong-key": "wrong-key",
  empty: "empty",
  "too-large": "too-large",
  "wrong-size": "wrong-size",
  "spool-full": "spool-full",
  "wrong-hash": "wrong-hash",
  "bad-range": "bad-range",
  "not-ready": "not-ready",
  busy: "busy",
  "too-slow": "slow-upload",
  aborted: "aborted",
  stopped: "stopping",
};

/** Any thrown value as the error that is answered. Unknown ones become `internal`, with the value as cause and nothing of it in the text. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof ClientError) return new GatewayError(clientCode(thrown), thrown.message, { cause: thrown });
  return fromFramework(thrown) ?? new GatewayError("internal", "the request failed here; the log says why", { cause: thrown });
}

function clientCode({ code, facts }: ClientError): ProblemCode {
  const refusals = facts.refusals ?? [];
  const full = refusals.length > 0 && refusals.every(({ reason }) => reason === "full" || reason === "read-only");
  return code === "insufficient-copies" && full ? "farm-full" : ofClient[code];
}

/** Fastify's own refusals (malformed URL, unusable headers, a body it does not take) as ours. */
function fromFramework(thrown: unknown): GatewayError | undefined {
  if (!(thrown instanceof Error) || !("statusCode" in thrown) || typeof thrown.statusCode !== "number") return undefined;
  const { statusCode } = thrown;
  if (statusCode === 413) return new GatewayError("too-large", "the body is larger than this resource takes", { cause: thrown });
  if (statusCode === 415) return new GatewayError("unsupported-body", "the content type is not a valid one", { cause: thrown });
  if (statusCode === 404) return new GatewayError("no-such-page", "there is nothing at this path", { cause: thrown });
  if (statusCode === 503) return new GatewayError("stopping", "the gateway is stopping", { cause: thrown });
  if (statusCode >= 400 && statusCode < 500) return new GatewayError("bad-request", validationDetail(thrown), { cause: thrown });
  return undefined;
}

type Validation = { readonly validation?: readonly { readonly instancePath?: unknown; readonly message?: unknown }[] };

function validationDetail(error: Error & Validation): string {
  const first = error.validation?.[0];
  if (first === undefined) return "the request line or its headers are malformed";
  return `${String(first.instancePath).replace(/^\//, "")}: ${String(first.message)}`.slice(0, 200);
}

/** The problem document (RFC 9457) of an error. */
export type ProblemDocument = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
};

/** The document that says what went wrong. */
export function problemDocument({ code, message }: GatewayError): ProblemDocument {
  return { type: `urn:vaultfarm:problem:${code}`, ...problems[code], detail: message, code };
}
