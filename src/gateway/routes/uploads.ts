// The progress of an upload as events, under the name its sender chose in the header Upload-Id.
import { z } from "zod";
import { GatewayError } from "../errors.ts";
import type { EventGate } from "../event-stream.ts";
import type { App } from "../fastify-app.ts";
import { parseUploadId, type UploadBoard } from "../upload-board.ts";
import { problemAnswers } from "./answer-schemas.ts";

const params: z.ZodType<{ id: string }> = z.object({ id: z.string().describe("8 to 64 letters, digits, - or _") });

/** Adds the route. */
export function addUploads(app: App, { uploads, gate }: { readonly uploads: UploadBoard; readonly gate: EventGate }): void {
  app.route({
    method: "GET",
    url: "/v1/uploads/:id/events",
    schema: {
      tags: ["objects"],
      summary: "Progress of an upload (server-sent events)",
      description:
        "`progress` {phase, bytes, bytesTotal, chunksConfirmed, chunks}, then `stored` or `failed`. May be opened before the upload begins.",
      params,
      response: problemAnswers("bad-upload-id", "busy", "stopping"),
    },
    handler: (request, reply) => {
      const id = parseUploadId((request.params as { id: string }).id);
      if (id === undefined) throw new GatewayError("bad-upload-id", "an upload id has 8 to 64 letters, digits, - or _");
      const stream = gate.open(reply);
      const unwatch = uploads.watch(id, ({ event, data }) => {
        stream.send(event, data);
        if (event !== "progress") stream.close();
      });
      stream.onClose(unwatch);
    },
  });
}
