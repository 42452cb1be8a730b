// The rules of the farm, looked at after every step of a simulation, with the eyes of one who sees all disks.

import type { Address, ObjectAddress } from "../../src/protocol/address.ts";
import { equalBytes } from "../../src/protocol/bytes.ts";
import { Violation } from "./scenario.ts";
import type { Rule } from "./sim-options.ts";
import type { SimWorld } from "./sim-world.ts";

/** Something whose put succeeded. */
export type Kept =
  | { readonly kind: "chunk"; readonly address: Address; readonly bytes: Uint8Array }
  | { readonly kind: "object"; readonly address: ObjectAddress; readonly bytes: Uint8Array };

export type Checker = {
  /** A put succeeded just now. */
  acknowledged(kept: Kept): void;
  /** Throws the first `Violation` there was. Reads a few of the things kept. */
  afterStep(): Promise<void>;
  /** Reads everything kept; called when all nodes run again. */
  atEnd(): Promise<void>;
  kept(): number;
};

/** A vault that lies is one of them. */
const failedHoldersMax = 3;
const readsPerStep = 2;
const readTries = 3;

/** A checker that has seen nothing. */
export function createChecker(world: SimWorld): Checker {
  const kept: Kept[] = [];
  const chunks = new Set<Address>();
  let found: Violation | undefined;
  const violate = (rule: Rule, message: string): void => {
    if (found === undefined && world.options.rules.includes(rule)) found = new Violation(rule, message);
  };
  const checkDurable = (rule: Rule, addresses: Iterable<Address>): void => {
    // A vault that lies is one of the holders that may fail.
    const min = world.genesis.copies.min - world.options.liars;
    for (const address of addresses) {
      const copies = durableCopies(world, address);
      if (copies < min) violate(rule, `chunk ${address.slice(0, 12)} lies synced on ${copies} nodes, ${min} are needed`);
    }
  };
  const mayFail = failedHoldersMax - world.options.liars;
  const read = async (one: Kept): Promise<void> => {
    const outcome = await readKept(world, one);
    if (outcome !== "same") violate("readable", `${one.kind} ${one.address.slice(0, 12)} came back ${outcome}`);
  };
  const raise = (): void => {
    if (found === undefined) return;
    throw found;
  };
  return {
    acknowledged: (one) => {
      const addresses = one.kind === "chunk" ? [one.address] : world.chunksOf(one.address);
      checkDurable("durable-at-acknowledgement", addresses);
      for (const address of addresses) chunks.add(address);
      kept.push(one);
    },
    afterStep: async () => {
      checkDurable("still-durable", chunks);
      raise();
      for (let i = 0; i < Math.min(readsPerStep, kept.length); i += 1) {
        const one = kept[Math.floor(world.random.fraction() * kept.length)];
        if (one !== undefined && failedHolders(world, one) <= mayFail) await read(one);
      }
      raise();
    },
    atEnd: async () => {
      for (const one of kept) await read(one);
      raise();
    },
    kept: () => kept.length,
  };
}

/** Nodes on whose disk the chunk lies synced, running or not. */
function durableCopies({ nodes }: SimWorld, address: Address): number {
  return nodes.filter((node) => node.keeps(address)).length;
}

/** Of its chunks the most failed holders: on nodes that are down or cut off. */
function failedHolders({ nodes, cut, chunksOf }: SimWorld, one: Kept): number {
  const failed = nodes.filter((node) => !node.up() || cut.has(node.peer));
  const addresses = one.kind === "chunk" ? [one.address] : chunksOf(one.address);
  return Math.max(...addresses.map((address) => failed.filter((node) => node.keeps(address)).length));
}

// Messages get lost: a read may fail once or twice, as a reader would see it; what is there must come in the end.
async function readKept(world: SimWorld, one: Kept): Promise<"same" | "different" | "not at all"> {
  for (let tried = 0; tried < readTries; tried += 1) {
    const bytes = await world.clock.runUntil(readBytes(world, one).catch(() => undefined));
    if (bytes !== undefined) return equalBytes(bytes, one.bytes) ? "same" : "different";
    // Failed in the meantime: the rule does not speak of it.
    if (failedHolders(world, one) > failedHoldersMax - world.options.liars) return "same";
    await world.clock.advance(1_000);
  }
  return "not at all";
}

async function readBytes({ client }: SimWorld, one: Kept): Promise<Uint8Array> {
  if (one.kind === "chunk") return client.getChunk(one.address);
  const object = await client.openObject(one.address);
  const parts: Uint8Array[] = [];
  for await (const part of object.read()) parts.push(part);
  return Buffer.concat(parts);
}
