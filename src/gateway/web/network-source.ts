// The live view of the network: events from the gateway, applied one after another; a lost connection is tried again, a
// hidden page rests.
import { inOrder, type NetworkView, type NodeView, withNode, withoutNode } from "./network-view.ts";

export type Connection = "connecting" | "live" | "lost" | "resting";

export type NetworkListener = {
  changed(view: NetworkView): void;
  connection(state: Connection): void;
};

const retryMs = 1000;
/** A page out of sight gives its connection back after this time, milliseconds: browsers allow few per gateway. */
const restAfterMs = 30_000;

/** Watches the network until the page is closed. */
export function watchNetwork(listener: NetworkListener): void {
  let view: NetworkView | undefined;
  let source: EventSource | undefined;
  let retry: number | undefined;
  let rest: number | undefined;
  const update = (next: NetworkView | undefined): void => {
    if (next === undefined) return;
    view = next;
    listener.changed(next);
  };
  const open = (): void => {
    source?.close();
    const opened = new EventSource("/v1/events");
    source = opened;
    const on = <T>(event: string, apply: (data: T) => void): void =>
      opened.addEventListener(event, (message) => apply(JSON.parse((message as MessageEvent<string>).data) as T));
    on<NetworkView>("snapshot", (snapshot) => {
      listener.connection("live");
      update({ ...snapshot, nodes: inOrder(snapshot.nodes) });
    });
    on<NodeView>("node", (node) => update(view && withNode(view, node)));
    on<{ peerId: string }>("node-removed", ({ peerId }) => update(view && withoutNode(view, peerId)));
    on<NetworkView["copies"]>("copies", (copies) => update(view && { ...view, copies }));
    on<NetworkView["membership"]>("membership", (membership) => update(view && { ...view, membership }));
    opened.addEventListener("error", () => {
      listener.connection("lost");
      // The browser tries again by itself only after some kinds of failure.
      if (opened.readyState !== EventSource.CLOSED) return;
      clearTimeout(retry);
      retry = setTimeout(open, retryMs);
    });
  };
  const close = (): void => {
    source?.close();
    source = undefined;
    // Else a gateway that is down would be asked every second, and one that is back would be held, for a page nobody sees.
    clearTimeout(retry);
    listener.connection("resting");
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(rest);
    if (document.hidden) rest = setTimeout(close, restAfterMs);
    else if (source === undefined) open();
  });
  listener.connection("connecting");
  open();
}
