// A watch as typed events: bytes cut into lines in bounds, lines into events; silence for too long ends it.
import type { Clock } from "../../runtime/clock.ts";
import { answerError, KubeError } from "./errors.ts";
import type { KubeObject } from "./resource.ts";
import { callError } from "./rest.ts";

/** A bookmark says only up to which version nothing was missed. An error is always the last event. */
export type WatchEvent =
  | { readonly kind: "added" | "modified" | "deleted"; readonly object: KubeObject }
  | { readonly kind: "bookmark"; readonly resourceVersion: string }
  | { readonly kind: "error"; readonly error: KubeError };

export type WatchReading = {
  /** Path of the watch, for messages. */
  readonly name: string;
  readonly clock: Clock;
  readonly lineBytesMax: number;
  /** Milliseconds without a byte after which the watch counts as broken. */
  readonly idleMs: number;
  /** Breaks the connection under it. */
  readonly abort: (reason: KubeError) => void;
};

/** The events in `body`. Ends when the server ends the watch; what goes wrong is the last event. */
export async function* readEvents(body: AsyncIterable<Uint8Array>, reading: WatchReading): AsyncGenerator<WatchEvent> {
  const splitter = createLineSplitter(reading.lineBytesMax);
  const idle = startIdleTimer(reading);
  try {
    for await (const piece of body) {
      idle.heard();
      for (const line of splitter.push(piece)) {
        const event = readEvent(line, reading.name);
        yield event;
        if (event.kind === "error") return;
      }
    }
    if (splitter.pending() > 0)
      yield { kind: "error", error: new KubeError("unreachable", `${reading.name}: the watch ended within a line`) };
  } catch (cause) {
    yield { kind: "error", error: callError(reading.name, cause) };
  } finally {
    idle.stop();
  }
}

function startIdleTimer({ name, clock, idleMs, abort }: WatchReading): { heard(): void; stop(): void } {
  let heardMs = clock.monotonicMs();
  // One timer that looks back, not one a piece.
  const check = (): void => {
    const leftMs = heardMs + idleMs - clock.monotonicMs();
    if (leftMs <= 0) abort(new KubeError("timeout", `${name}: the watch said nothing for ${idleMs} ms`));
    else timer = clock.after(leftMs, check);
  };
  let timer = clock.after(idleMs, check);
  return {
    heard: () => {
      heardMs = clock.monotonicMs();
    },
    stop: () => timer.cancel(),
  };
}

function readEvent(line: string, name: string): WatchEvent {
  const bad = (why: string): WatchEvent => ({ kind: "error", error: new KubeError("bad-answer", `${name}: ${why}`) });
  let event: { type?: unknown; object?: { code?: unknown; metadata?: { name?: unknown; resourceVersion?: unknown } } };
  try {
    event = JSON.parse(line);
  } catch {
    return bad("a line of the watch is not JSON");
  }
  const { type, object } = event;
  const version = object?.metadata?.resourceVersion;
  if (type === "ERROR") return { kind: "error", error: answerError(`GET ${name}`, Number(object?.code ?? 500), object) };
  if (typeof version !== "string") return bad("an event of the watch has no resourceVersion");
  if (type === "BOOKMARK") return { kind: "bookmark", resourceVersion: version };
  const kind = typeof type === "string" ? type.toLowerCase() : "";
  if (kind !== "added" && kind !== "modified" && kind !== "deleted") return bad(`the watch has an event of unknown type "${kind}"`);
  return { kind, object: object as KubeObject };
}

export type LineSplitter = {
  push(piece: Uint8Array): readonly string[] /** Bytes of the line that is not yet whole. */;
  pending(): number;
};

/** Cuts pieces of bytes into lines of text, wherever the pieces were cut. Throws a `KubeError` "too-large" for a line over `bytesMax`. */
export function createLineSplitter(bytesMax: number): LineSplitter {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const hold = (piece: Uint8Array): void => {
    heldBytes += piece.length;
    if (heldBytes > bytesMax) throw new KubeError("too-large", `a line of a watch has more than ${bytesMax} bytes`);
    if (piece.length > 0) held.push(piece);
  };
  return {
    pending: () => heldBytes,
    push: (piece) => {
      const lines: string[] = [];
      let from = 0;
      for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
        hold(piece.subarray(from, end));
        if (heldBytes > 0) lines.push(Buffer.concat(held).toString("utf8"));
        held = [];
        heldBytes = 0;
        from = end + 1;
      }
      hold(piece.subarray(from));
      return lines;
    },
  };
}
