// What tests of the client have in common: a chunk of its own bytes, the error that a piece of work ends with, and waiting for what
// others do in between.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { type Address, chunkAddress } from "../protocol/address.ts";
import { ClientError } from "./errors.ts";

/** A chunk that nobody else has; `length` in bytes. */
export function chunkOf(length: number): { readonly bytes: Uint8Array; readonly address: Address } {
  const bytes = new Uint8Array(randomBytes(length));
  return { bytes, address: chunkAddress(bytes) };
}

/** The client's error with which `work` ends; fails where it ends well, or with another. */
export async function failure(work: Promise<unknown>): Promise<ClientError> {
  const error = await work.then(
    () => assert.fail("expected a failure"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ClientError, String(error));
  return error;
}

/** Looks at each turn of the event loop, which a virtual clock does not hold up. Fails with `what` after 10 s. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) assert.fail(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
