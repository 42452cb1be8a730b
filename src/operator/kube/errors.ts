// What can go wrong with the API server: one error class with a closed set of codes, made from its answers; each error
// carries what the server said and what a person can do next. The client returns these as values.

/**
 * not-found · already-exists: a create met an object of that name · conflict: another version, owner or field manager ·
 * gone: the version or list page asked for is too old · forbidden: no right · unauthorized: no valid identity ·
 * invalid: fields are wrong, `causes` says which · bad-request: the server does not understand it · too-many-requests: the
 * server sheds load · timeout: no answer in time · unreachable: no connection, or it broke · server: the server failed ·
 * too-large: an answer or line over the limit · bad-answer: an answer that is none · overloaded: too many calls wait here ·
 * aborted: the caller gave up.
 */
export type KubeErrorCode =
  | "not-found"
  | "already-exists"
  | "conflict"
  | "gone"
  | "forbidden"
  | "unauthorized"
  | "invalid"
  | "bad-request"
  | "too-many-requests"
  | "timeout"
  | "unreachable"
  | "server"
  | "too-large"
  | "bad-answer"
  | "overloaded"
  | "aborted";

const nextSteps: Readonly<Record<KubeErrorCode, string>> = {
  "not-found": "check the name and the namespace, or whether its kind is installed (kubectl api-resources)",
  "already-exists": "read the object that is there",
  conflict: "read the object again and decide anew; a field named in the causes belongs to another field manager",
  gone: "list again and watch from there",
  forbidden: "grant the verb to this service account (kubectl auth can-i VERB RESOURCE --as=…)",
  unauthorized: "renew the token or client certificate",
  invalid: "correct the fields named in the causes",
  "bad-request": "correct the request: the server's sentence says what it did not expect",
  "too-many-requests": "wait as long as the server asked; look at its priority and fairness settings when it lasts",
  timeout: "try again; look at the API server's latency when it lasts",
  unreachable: "check that the API server runs and that the network lets this program reach it",
  server: "try again; the API server's log says why",
  "too-large": "ask for fewer objects a page, or make the object smaller",
  "bad-answer": "check that the address is a Kubernetes API server and that no proxy rewrites its answers",
  overloaded: "start fewer calls at once",
  aborted: "none: the caller stopped it",
};

/** A field that the server refused, or that another manager owns. */
export type FieldCause = { readonly field: string; readonly reason: string; readonly message: string };

export type KubeErrorFacts = {
  readonly status?: number;
  /** The server's own reason word: "NotFound", "Expired". */
  readonly reason?: string;
  readonly causes?: readonly FieldCause[];
  /** How long the server asked to wait. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
};

/** A call that did not do what was asked. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly code: KubeErrorCode;
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly causes: readonly FieldCause[];
  readonly retryAfterMs: number | undefined;
  /** What a person can do about it. */
  readonly nextStep: string;
  constructor(code: KubeErrorCode, message: string, facts: KubeErrorFacts = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.status = facts.status;
    this.reason = facts.reason;
    this.causes = facts.causes ?? [];
    this.retryAfterMs = facts.retryAfterMs;
    this.nextStep = nextSteps[code];
  }
}

/** What a call came to. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: KubeError };

/** The error of an answer whose status is not a success. `call` is "GET /api/v1/pods"; `body` the server's Status, as far as it is one. */
export function answerError(call: string, status: number, body: unknown, retryAfter?: string): KubeError {
  const said = readStatus(body);
  const code = codeOf(status, said.reason);
  const seconds = Number(retryAfter ?? said.retryAfterSeconds);
  return new KubeError(code, `${call}: ${said.message ?? `status ${status}`}`, {
    status,
    causes: said.causes,
    ...(said.reason === undefined ? {} : { reason: said.reason }),
    ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}),
  });
}

const codesByStatus: Readonly<Record<number, KubeErrorCode>> = {
  400: "bad-request",
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  405: "bad-request",
  408: "timeout",
  409: "conflict",
  410: "gone",
  413: "too-large",
  415: "bad-request",
  422: "invalid",
  429: "too-many-requests",
  504: "timeout",
};

function codeOf(status: number, reason: string | undefined): KubeErrorCode {
  if (reason === "AlreadyExists") return "already-exists";
  if (reason === "Expired" || reason === "Gone") return "gone";
  return codesByStatus[status] ?? (status >= 500 ? "server" : "bad-answer");
}

type Said = { message?: string; reason?: string; retryAfterSeconds?: number; causes: FieldCause[] };

function readStatus(body: unknown): Said {
  if (typeof body === "string") return { causes: [], ...(body.trim() === "" ? {} : { message: body.trim().slice(0, 500) }) };
  const status = asRecord(body);
  const details = asRecord(status["details"]);
  const causes = Array.isArray(details["causes"]) ? details["causes"].map(readCause) : [];
  return {
    causes,
    ...(typeof status["message"] === "string" ? { message: status["message"] } : {}),
    ...(typeof status["reason"] === "string" ? { reason: status["reason"] } : {}),
    ...(typeof details["retryAfterSeconds"] === "number" ? { retryAfterSeconds: details["retryAfterSeconds"] } : {}),
  };
}

function readCause(value: unknown): FieldCause {
  const { field, reason, message } = asRecord(value);
  return { field: String(field ?? ""), reason: String(reason ?? ""), message: String(message ?? "") };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
