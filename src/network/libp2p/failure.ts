// Failure frames: which error a refused request becomes on the other side.
import { textBytes } from "../../protocol/bytes.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { NetworkError, type NetworkErrorCode } from "../errors.ts";
import type { Frame, FrameDraft } from "./frame.ts";

/** Chunks did not arrive by lane: `lost` = the lane died on the way, ask again; `none` = no lane can be had, send them inline. */
export class LaneError extends Error {
  override readonly name = "LaneError";
  readonly code: "lost" | "none";
  constructor(code: "lost" | "none", message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** By their place in this list failures travel; new ones are added at the end. */
const failureCodes = ["refused", "busy", "too-large", "protocol", "closed", "lane-lost", "lane-none"] as const;
export type FailureCode = (typeof failureCodes)[number];

// What a peer says of a failure is shown to a person at most this long.
const reasonMax = 300;

/** A failure frame for the request `id`; id 0 ends the stream. */
export function failureFrame(id: number, code: FailureCode, reason: string): FrameDraft {
  return { id, type: "failure", code: failureCodes.indexOf(code), transfer: 0, body: textBytes(reason.slice(0, reasonMax)), chunks: [] };
}

/** The error that a failure frame stands for. */
export function failureOf(frame: Frame, peer: PeerId): NetworkError | LaneError {
  const code = failureCodes[frame.code] ?? "protocol";
  const reason = Buffer.from(frame.body).toString("utf8").slice(0, reasonMax);
  if (code === "lane-lost") return new LaneError("lost", reason);
  if (code === "lane-none") return new LaneError("none", reason);
  return new NetworkError(code satisfies NetworkErrorCode, `the peer answered: ${reason}`, { peer });
}
