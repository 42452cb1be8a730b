// One call to the API server: its turn, its token, its time, its answer in bounds, tried again where that is right.
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { abortWith } from "./abort-with.ts";
import { retryDelayMs } from "./backoff.ts";
import { answerError, KubeError, type Result } from "./errors.ts";
import { answerBytesMax, attemptsMax, callsInFlightMax, callsWaitingMax, callTimeoutMs } from "./limits.ts";
import type { RestMetrics } from "./metrics.ts";
import { type CallPriority, createRequestGate } from "./request-gate.ts";
import { type Transport, type TransportAnswer, TransportError } from "./transport.ts";

export type CallOptions = {
  readonly priority?: CallPriority;
  /** Of one try, from its turn to its last byte. */
  readonly timeoutMs?: number;
  /** Tries, the first included. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
};

export type Call = CallOptions & {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Default: all but POST. */
  readonly idempotent?: boolean;
};

/** The bytes of a long answer, as they come. */
export type ByteStream = { readonly body: AsyncIterable<Uint8Array> };

export type Rest = {
  /** The parsed answer. Never rejects: what goes wrong is a value. */
  call(call: Call): Promise<Result<unknown>>;
  /** The answer's bytes without limit of time or size; one try. The caller ends it with `signal`. `host`: see `TransportRequest`. */
  stream(path: string, signal: AbortSignal, host?: string): Promise<Result<ByteStream>>;
};

export type RestParts = {
  readonly transport: Transport;
  /** The bearer token; `fresh` after the server refused the one given before. */
  token?(fresh: boolean): Promise<string | undefined>;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: RestMetrics;
  readonly userAgent: string;
  /** What the server's own path puts before all others, without a slash at the end; some gateways to clusters have one. */
  readonly pathPrefix?: string;
};

export type RestLimits = { readonly inFlightMax?: number; readonly answerBytesMax?: number; readonly timeoutMs?: number };

type Tried = { readonly result: Result<unknown>; readonly sent: boolean };
const never = new AbortController().signal;

export function createRest(parts: RestParts, limits: RestLimits = {}): Rest {
  const gate = createRequestGate({ inFlightMax: limits.inFlightMax ?? callsInFlightMax, waitingMax: callsWaitingMax });
  const bytesMax = limits.answerBytesMax ?? answerBytesMax;

  const once = async (call: Call, freshToken: boolean): Promise<Tried> => {
    const limit = new AbortController();
    const unlink = abortWith(limit, call.signal);
    const ms = call.timeoutMs ?? limits.timeoutMs ?? callTimeoutMs;
    const timer = parts.clock.after(ms, () => limit.abort(new KubeError("timeout", `${label(call)}: no answer within ${ms} ms`)));
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const began = parts.clock.monotonicMs();
    const measure = (code: string, received: number): void =>
      parts.metrics.request({
        method: call.method,
        code,
        seconds: (parts.clock.monotonicMs() - began) / 1000,
        sent: body === undefined ? 0 : Buffer.byteLength(body),
        received,
      });
    try {
      const { signal } = limit;
      const headers = {
        ...(await headersOf(parts, freshToken)),
        ...(body === undefined ? {} : { "content-type": call.contentType ?? "application/json" }),
      };
      const answer = await parts.transport.send({
        method: call.method,
        path: `${parts.pathPrefix ?? ""}${call.path}`,
        headers,
        kind: "call",
        signal,
        ...(body === undefined ? {} : { body }),
      });
      const bytes = await readBytes(answer, bytesMax, label(call));
      measure(String(answer.status), bytes.length);
      return { result: readAnswer(label(call), answer, bytes.toString("utf8")), sent: true };
    } catch (cause) {
      measure("<error>", 0);
      // Ends an answer that was given up half-read.
      limit.abort(cause);
      return { result: { ok: false, error: callError(label(call), cause) }, sent: !(cause instanceof TransportError) || cause.sent };
    } finally {
      timer.cancel();
      unlink();
    }
  };
  const inTurn = async (call: Call, freshToken: boolean): Promise<Tried> => {
    try {
      const leave = await gate.enter(call.priority ?? "normal", call.signal ?? never);
      return await once(call, freshToken).finally(leave);
    } catch (cause) {
      return { result: { ok: false, error: callError(label(call), cause) }, sent: false };
    }
  };
  return {
    call: async (call) => {
      let freshToken = false;
      for (let attempt = 1; ; attempt += 1) {
        const { result, sent } = await inTurn(call, freshToken);
        if (result.ok) return result;
        const { error } = result;
        const renew: boolean = error.code === "unauthorized" && !freshToken && parts.token !== undefined;
        const failed = {
          error,
          attempt,
          attemptsMax: call.attempts ?? attemptsMax,
          idempotent: call.idempotent ?? call.method !== "POST",
          sent,
        };
        const delayMs = renew ? 0 : retryDelayMs(failed, parts.random.fraction());
        if (delayMs === undefined) return result;
        freshToken ||= renew;
        parts.metrics.retry(call.method, String(error.status ?? "<error>"));
        const slept = await parts.clock.sleep(delayMs, call.signal).then(
          () => true,
          () => false,
        );
        if (!slept) return result;
      }
    },
    stream: (path, signal, host) => openStream(parts, { path, ...(host === undefined ? {} : { host }) }, signal),
  };
}

type Opening = { readonly path: string; readonly host?: string };

async function openStream(parts: RestParts, { path, ...asked }: Opening, signal: AbortSignal): Promise<Result<ByteStream>> {
  const name = label({ method: "GET", path });
  const limit = new AbortController();
  const timer = parts.clock.after(callTimeoutMs, () =>
    limit.abort(new KubeError("timeout", `${name}: no answer within ${callTimeoutMs} ms`)),
  );
  const began = parts.clock.monotonicMs();
  const measure = (code: string): void =>
    parts.metrics.request({ method: "GET", code, seconds: (parts.clock.monotonicMs() - began) / 1000, sent: 0, received: 0 });
  try {
    // Never undone: the caller's signal lives as long as this one stream.
    abortWith(limit, signal);
    const send = async (fresh: boolean): Promise<TransportAnswer> =>
      parts.transport.send({
        ...asked,
        method: "GET",
        path: `${parts.pathPrefix ?? ""}${path}`,
        headers: await headersOf(parts, fresh),
        kind: "watch",
        signal: limit.signal,
      });
    let answer = await send(false);
    if (answer.status === 401) {
      await readBytes(answer, answerBytesMax, name);
      answer = await send(true);
    }
    measure(String(answer.status));
    if (answer.status === 200) return { ok: true, value: { body: answer.body } };
    return {
      ok: false,
      error: answerError(
        name,
        answer.status,
        parseJson((await readBytes(answer, answerBytesMax, name)).toString("utf8")),
        answer.header("retry-after"),
      ),
    };
  } catch (cause) {
    measure("<error>");
    return { ok: false, error: callError(name, cause) };
  } finally {
    timer.cancel();
  }
}

async function headersOf(parts: RestParts, freshToken: boolean): Promise<Record<string, string>> {
  const token = await parts.token?.(freshToken);
  const headers = { accept: "application/json", "user-agent": parts.userAgent };
  return token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };
}

async function readBytes(answer: TransportAnswer, bytesMax: number, name: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of answer.body) {
    bytes += piece.length;
    if (bytes > bytesMax) throw new KubeError("too-large", `${name}: the answer has more than ${bytesMax} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function readAnswer(name: string, answer: TransportAnswer, text: string): Result<unknown> {
  const body = parseJson(text);
  if (answer.status < 200 || answer.status > 299)
    return { ok: false, error: answerError(name, answer.status, body, answer.header("retry-after")) };
  if (typeof body === "object") return { ok: true, value: body };
  return { ok: false, error: new KubeError("bad-answer", `${name}: the answer is not JSON`, { status: answer.status }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller says what that means: a proxy's page in an error, or no answer at all.
    return text;
  }
}

/** Anything thrown on the way as the error of this call. */
export function callError(name: string, cause: unknown): KubeError {
  if (cause instanceof KubeError) return cause;
  if (cause instanceof TransportError) return new KubeError("unreachable", `${name}: ${cause.message}`, { cause });
  if (cause instanceof Error && cause.name === "AbortError") return new KubeError("aborted", `${name}: given up by the caller`, { cause });
  return new KubeError("aborted", `${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}

// The path without its query: selectors and continue tokens do not belong in messages.
function label(call: { readonly method: string; readonly path: string }): string {
  return `${call.method} ${call.path.split("?", 1)[0] ?? ""}`;
}
