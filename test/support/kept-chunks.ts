// Chunks that a test put into a farm of nodes and expects to read back at any time.
import { strict as assert } from "node:assert";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import type { NodeFarm } from "./node-farm.ts";
import { noise } from "./objects.ts";

export type KeptChunks = Map<Address, Uint8Array>;

/** Stores one more chunk of `length` bytes and remembers it. */
export async function putChunk({ client }: NodeFarm, chunks: KeptChunks, length: number): Promise<Address> {
  const bytes = new Uint8Array(noise(length, chunks.size));
  const address = chunkAddress(bytes);
  await client.putChunk(address, bytes);
  chunks.set(address, bytes);
  return address;
}

/** Fails where one cannot be read, or not as it was put. */
export async function assertAllRead({ client }: NodeFarm, chunks: KeptChunks): Promise<void> {
  for (const [address, bytes] of chunks) assert.ok(Buffer.from(await client.getChunk(address)).equals(bytes), address);
}
