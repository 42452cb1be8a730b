// Storing and reading through a gateway in tests, with plain HTTP as anybody would.
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { seededRandom } from "../../src/runtime/random.ts";

export type Stored = {
  readonly address: string;
  readonly bytes: number;
  readonly chunks: number;
  readonly copies: { readonly min: number; readonly max: number };
};

/** `length` bytes that no compression shortens, the same for the same seed. */
export function noise(length: number, seed: number): Buffer {
  const random = seededRandom(seed);
  const block = createHash("sha512").update(random.bytes(32)).digest();
  const bytes = Buffer.alloc(length);
  // A counter in each 64-byte block keeps the blocks different at little cost.
  for (let at = 0; at < length; at += 64) {
    block.writeUInt32LE(at >>> 6, 0);
    createHash("sha512").update(block).digest().copy(bytes, at);
  }
  return bytes;
}

/** Stores `bytes`; fails the test where the gateway does not answer 201. */
export async function store(gateway: string, bytes: Uint8Array): Promise<Stored> {
  const answer = await fetch(`${gateway}/v1/objects`, { method: "POST", body: Buffer.from(bytes), signal: AbortSignal.timeout(120_000) });
  const text = await answer.text();
  assert.equal(answer.status, 201, text);
  return JSON.parse(text) as Stored;
}

/** The answer to reading `address`, its body as bytes. Rejects where the connection is cut. */
export async function read(gateway: string, address: string): Promise<{ readonly status: number; readonly body: Buffer }> {
  const answer = await fetch(`${gateway}/v1/objects/${address}`, { signal: AbortSignal.timeout(120_000) });
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
}

/** Fails the test unless the object reads back as exactly `bytes`. */
export async function assertReads(gateway: string, address: string, bytes: Uint8Array): Promise<void> {
  const { status, body } = await read(gateway, address);
  assert.equal(status, 200, body.subarray(0, 500).toString());
  assert.ok(body.equals(bytes), `${body.length} bytes came back, not the ${bytes.length} that were stored`);
}
