// The ingress controller of a cluster under test, which the environment names, and visitors who come in through it.
import { strict as assert } from "node:assert";
import { type IncomingHttpHeaders, request } from "node:http";
import { buffer } from "node:stream/consumers";
import { z } from "zod";

export type Edge = {
  /** Where plain HTTP comes in. */
  readonly url: string;
  /** Where pods reach it, by name. */
  readonly inside: string;
  /** Name of its IngressClass. */
  readonly ingressClass: string;
  /** The Gateway of the Gateway API that it serves. */
  readonly gateway: { readonly namespace: string; readonly name: string };
  /** Where it connects to gateways from, as an address or range. */
  readonly proxies: string;
};

const edgeSchema: z.ZodType<Edge> = z.strictObject({
  url: z.url(),
  inside: z.url(),
  ingressClass: z.string(),
  gateway: z.strictObject({ namespace: z.string(), name: z.string() }),
  proxies: z.string(),
});

/** Undefined where VAULTFARM_E2E_EDGE, JSON as `.ci/edge` prints it, names none. */
export const edge: Edge | undefined = edgeOf(process.env["VAULTFARM_E2E_EDGE"]);

function edgeOf(named: string | undefined): Edge | undefined {
  if (named !== undefined) return edgeSchema.parse(JSON.parse(named));
  return undefined;
}

export type Visit = {
  readonly host: string;
  readonly path: string;
  /** Posted; absent: it is read. */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
};
export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/** Asks for `host` at `url`, over a connection of its own. Rejects where that is cut. */
export async function visit(url: string, { host, path, body, headers = {} }: Visit): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const length = body === undefined ? {} : { "content-length": body.length };
  const asked = request(new URL(path, url), {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...length, host },
    agent: false,
    signal: AbortSignal.timeout(120_000),
  });
  asked.on("error", reject);
  asked.on("response", (answer) => {
    buffer(answer).then((taken) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: taken }), reject);
  });
  asked.end(body);
  return promise;
}

/** Fails the test unless the object comes back as exactly `bytes`. */
export async function assertComesBack(url: string, host: string, address: string, bytes: Uint8Array): Promise<void> {
  const { status, body } = await visit(url, { host, path: `/v1/objects/${address}` });
  assert.equal(status, 200, body.subarray(0, 500).toString());
  assert.ok(body.equals(bytes), `${body.length} bytes came back, not the ${bytes.length} that were stored`);
}
