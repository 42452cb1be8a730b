// The network as this gateway sees it: once as JSON, or as a stream of events.
import type { FarmClient } from "../../client/farm-client.ts";
import { networkViewSchema } from "../../protocol/network-view-schema.ts";
import type { EventGate } from "../event-stream.ts";
import type { App } from "../fastify-app.ts";
import type { NetworkFeed } from "../network-feed.ts";
import { problemAnswers } from "./answer-schemas.ts";

export type NetworkParts = {
  readonly client: Pick<FarmClient, "network">;
  readonly feed: NetworkFeed;
  readonly gate: EventGate;
};

/** Adds the routes. */
export function addNetwork(app: App, { client, feed, gate }: NetworkParts): void {
  app.route({
    method: ["GET", "HEAD"],
    url: "/v1/network",
    schema: { tags: ["network"], summary: "Nodes, vaults, copies, and who is confirmed", response: { 200: networkViewSchema } },
    handler: (_request, reply) => reply.header("cache-control", "no-store").send(client.network()),
  });
  app.route({
    method: "GET",
    url: "/v1/events",
    schema: {
      tags: ["network"],
      summary: "Changes of the network (server-sent events)",
      description:
        "First `snapshot` (as /v1/network), then `node` (appeared or changed), `node-removed` {peerId}, `copies` and `membership`. Comments are signs of life.",
      response: problemAnswers("busy", "stopping"),
    },
    handler: (_request, reply) => {
      const stream = gate.open(reply);
      const unsubscribe = feed.subscribe(({ event, data }) => stream.send(event, data));
      stream.onClose(unsubscribe);
    },
  });
}
