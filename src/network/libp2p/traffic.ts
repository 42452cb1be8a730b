// What the transport tells about its traffic, for metrics.
import type { NetworkErrorCode } from "../errors.ts";
import type { RequestKind } from "../peers.ts";

/** `bytes`: payload of one frame or transfer; `request`: one request of a kind, asked (out) or answered (in); `failure`: a request that failed at the asker. */
export type TrafficEvent =
  | { readonly kind: "bytes"; readonly path: "control" | "lane"; readonly direction: "in" | "out"; readonly bytes: number }
  | { readonly kind: "request"; readonly request: RequestKind; readonly direction: "in" | "out" }
  | { readonly kind: "failure"; readonly code: NetworkErrorCode };

export type TrafficListener = (event: TrafficEvent) => void;
