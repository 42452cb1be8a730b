// A client for one piece of work: when that is over, or may not go on, nothing more is sent. What is on the way is let end, for
// nobody knows of a write that was broken off whether it was done.
import type { KubeClient } from "./client.ts";

/** `client` until `signal` aborts; from then on its calls reject with the signal's reason. */
export function clientUntil(client: KubeClient, signal: AbortSignal): KubeClient {
  const still =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      signal.throwIfAborted();
      return call(...args);
    };
  return {
    get: still(client.get),
    list: still(client.list),
    listAll: still(client.listAll),
    watch: still(client.watch),
    create: still(client.create),
    apply: still(client.apply),
    update: still(client.update),
    patch: still(client.patch),
    remove: still(client.remove),
    getScale: still(client.getScale),
    setScale: still(client.setScale),
    read: still(client.read),
    readText: still(client.readText),
    close: client.close,
  };
}
