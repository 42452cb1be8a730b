// Uploads and downloads as a client of HTTP makes them, at little cost of its own: the sender's bytes come out of one block.

import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { seededRandom } from "../src/runtime/random.ts";

const pieceLength = 64 * 1024;
const idleMs = 2_000;
const blockLength = 8 * 1024 * 1024;
const block = seededRandom(4).bytes(blockLength);
const blockView = new DataView(block.buffer, block.byteOffset);

/** Connections that are kept, at most `most` of them; given up when idle for a moment, before the other side does. */
export function keptConnections(most: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: most, timeout: idleMs });
}

/** Uploads `length` random bytes that no other `seed` has; resolves with the answer's body. Rejects where it is no success. */
export async function upload(url: string, length: number, seed: number, agent: Agent): Promise<string> {
  const sent = request(url, { method: "POST", agent, headers: { "content-length": length, "content-type": "application/octet-stream" } });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  answered.catch(() => {});
  for (let at = 0; at < length; at += pieceLength) {
    const start = at % blockLength;
    // Marked with its place and its object: no chunk comes twice.
    blockView.setFloat64(start, at + 1, true);
    blockView.setFloat64(start + 8, seed, true);
    if (!sent.write(block.subarray(start, start + Math.min(pieceLength, length - at)))) await once(sent, "drain");
  }
  sent.end();
  const [response] = await answered;
  const body = Buffer.concat(await response.toArray());
  if (response.statusCode !== 201) throw new Error(`${response.statusCode} ${body}`);
  return body.toString();
}

/** Downloads; rejects unless exactly `length` bytes came with status 200. */
export async function download(url: string, length: number, agent: Agent): Promise<void> {
  const asked = request(url, { agent });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let read = 0;
  for await (const piece of response) read += (piece as Uint8Array).length;
  if (response.statusCode !== 200 || read !== length) throw new Error(`${response.statusCode}: ${read} of ${length} bytes came back`);
}

/** Runs `one` for 0 to count − 1, `parallel` at a time; gives the milliseconds of each. */
export async function inParallel(count: number, parallel: number, one: (index: number) => Promise<void>): Promise<number[]> {
  const tookMs: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const begun = performance.now();
      await one(index);
      tookMs.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return tookMs;
}
