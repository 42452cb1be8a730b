// Serves the requests of one peer that came on one lane: within the rate and the work that a peer may cause here.
import { type AnsweringParts, frameBytes, serve, type Way, type Work } from "./answering.ts";
import type { ReceivedChunks } from "./bulk.ts";
import { receivedMessage } from "./bulk-message.ts";
import { createByteBudget } from "./byte-budget.ts";
import type { Frame } from "./frame.ts";
import { createThrottle } from "./throttle.ts";

export type LaneService = {
  /** Serves a request of the peer, with the chunks that came behind it. */
  serve(frame: Frame, received: ReceivedChunks | undefined): void;
  /** The lane has ended: nobody waits for the answers. */
  close(): void;
};

/** Serves one peer on a fresh lane, answering by `way`. */
export function createLaneService(parts: AnsweringParts, way: Way): LaneService {
  const closing = new AbortController();
  // What came while the peer asks too fast or has too much in work; at most what the lane's window lets in.
  const held: (() => void)[] = [];
  let holding = false;
  const goOn = (): void => {
    while (!holding) {
      const next = held.shift();
      if (next === undefined) return;
      next();
    }
  };
  // The throttle is in the middle of weighing: what is let go on weighs in turn.
  const hold = (wanted: boolean): void => {
    holding = wanted;
    if (!wanted) queueMicrotask(goOn);
  };
  const { bytesInWorkMax } = parts.limits;
  const throttle = createThrottle(parts.clock, parts.limits, { hold, bytesMax: () => bytesInWorkMax });
  const work: Work = { parts, way, throttle, budget: createByteBudget(bytesInWorkMax), signal: closing.signal };
  const source = { ...parts, path: "lane" } as const;
  const begin = (frame: Frame, received: ReceivedChunks | undefined): void => {
    const here = received === undefined ? 0 : frameBytes(frame);
    void serve({ frame, here, take: () => receivedMessage(frame, received, source, closing.signal) }, work);
  };
  return {
    serve: (frame, received) => {
      if (holding || held.length > 0) held.push(() => begin(frame, received));
      else begin(frame, received);
    },
    close: () => {
      closing.abort(new Error("the lane ended"));
      throttle.stop();
      held.length = 0;
    },
  };
}
