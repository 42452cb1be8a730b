// The rules of keeping copies, with the eyes of one who sees all disks and knows who runs, who is cut off and who lies.
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { equalBytes } from "../../src/protocol/bytes.ts";
import { Violation } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import type { Rule } from "./sim-options.ts";
import type { SimWorld } from "./sim-world.ts";

export type CopiesRules = {
  /** Puts one more chunk; whether it was stored. */
  put(): Promise<boolean>;
  chunks(): readonly Address[];
  /** Each chunk has a sound copy on a node that runs and is reached. */
  liveCopy(): void;
  /**
   * Each is claimed by at least `min` of those: what is short of it is a liar's, or rot that nobody has seen. A copy whose
   * rot was found less than `boundMs` ago was lost then, not at the step's beginning: its chunk is looked at again when the
   * bound has passed.
   */
  minAgain(boundMs: number): Promise<void>;
  /** As `minAgain`, but a chunk is below it in vain only where it was so at the look before; those that are now. */
  minAgainBut(before: ReadonlySet<string>): ReadonlySet<string>;
  /** What a node has, `target` others have as well, running or not; `less` so many fewer. */
  drained(node: SimNode, less?: number): void;
  /** What a node says it has is sound. */
  allSound(node: SimNode): void;
  /** Each is claimed by at least `target`. */
  targetAgain(): void;
  /** Some chunks, or all, come back byte for byte. */
  readable(most: number): Promise<void>;
  /** How often a chunk's copies were counted, or its bytes read back. */
  checked(): number;
  /** Bytes that nodes sent each other to keep copies. */
  moved(): number;
  /** Nothing was moved since `before`. */
  atRest(before: number, when: string): void;
  /** Throws what was broken between two looks. */
  raise(): void;
};

const chunkBytes = 400;
const readTries = 3;

/** The rules of a farm without chunks. */
export function createCopiesRules(world: SimWorld): CopiesRules {
  const { genesis, options } = world;
  const { min, target } = genesis.copies;
  const chunks = new Map<Address, Uint8Array>();
  let found: Violation | undefined;
  let checked = 0;
  const breach = (rule: Rule, message: string): Violation | undefined =>
    options.rules.includes(rule) ? new Violation(rule, message) : undefined;
  const must = (rule: Rule, holds: boolean, message: () => string): void => {
    const broken = holds ? undefined : breach(rule, message());
    if (broken !== undefined) throw broken;
  };
  world.onDrop((peer, address) => {
    const others = world.nodes.filter((node) => node.peer !== peer && node.keeps(address)).length;
    if (others < target) found ??= breach("dropped-after-proof", `chunk ${short(address)} was dropped while ${others} others kept it`);
  });
  const counted = (rule: Rule, least: number, counts: CountsAs): void => {
    checked += chunks.size;
    for (const address of chunks.keys()) {
      const copies = copiesOf(world, address, counts);
      must(rule, copies >= least, () => `chunk ${short(address)} is on ${copies} running nodes, ${least} are needed`);
    }
  };
  const waitForRot = createRotWait(world, min);
  const minAgainBut: CopiesRules["minAgainBut"] = (before) => {
    const below = new Set<string>();
    checked += chunks.size;
    for (const address of chunks.keys()) {
      const copies = world.nodes.filter((node) => node.up() && node.claims(address)).length;
      if (copies >= min) continue;
      below.add(address);
      must("min-again", !before.has(address), () => `chunk ${short(address)} stays on ${copies} running nodes, ${min} are needed`);
    }
    return below;
  };
  const drained: CopiesRules["drained"] = (leaver, less = 0) => {
    for (const address of chunks.keys()) {
      if (!leaver.claims(address)) continue;
      const others = world.nodes.filter((node) => node !== leaver && node.claims(address)).length;
      must("drain-ends", others >= target - less, () => `chunk ${short(address)} of node ${leaver.number} is on ${others} other nodes`);
    }
  };
  const read = async (address: Address, bytes: Uint8Array): Promise<void> => {
    checked += 1;
    const got = await readPatiently(world, address);
    must("readable", got !== undefined, () => `chunk ${short(address)} came back not at all`);
    must("readable", got === undefined || equalBytes(got, bytes), () => `chunk ${short(address)} came back different`);
  };
  const moved = (): number => world.nodes.reduce((sum, node) => sum + node.moved(), 0);
  return {
    put: async () => {
      const bytes = world.random.bytes(chunkBytes);
      const address = chunkAddress(bytes);
      const stored = await world.clock.runUntil(succeeds(world.client.putChunk(address, bytes)));
      if (stored) chunks.set(address, bytes);
      return stored;
    },
    chunks: () => [...chunks.keys()],
    liveCopy: () => counted("live-copy", 1, (node, address) => node.keeps(address)),
    minAgain: async (boundMs) => {
      await waitForRot(chunks.keys(), boundMs);
      counted("min-again", min, claims);
    },
    minAgainBut,
    drained,
    allSound: (node) => {
      for (const address of chunks.keys())
        must(
          "rot-healed",
          node.keeps(address) || !node.claims(address),
          () => `chunk ${short(address)} on node ${node.number} is still rotten`,
        );
    },
    targetAgain: () => counted("target-again", target, claims),
    readable: async (most) => {
      const all = [...chunks];
      const from = Math.floor(world.random.fraction() * all.length);
      for (const [address, bytes] of [...all.slice(from), ...all.slice(0, from)].slice(0, most)) await read(address, bytes);
    },
    checked: () => checked,
    moved,
    atRest: (before, when) => must("at-rest", moved() === before, () => `${moved() - before} bytes moved ${when}`),
    raise: () => {
      if (found !== undefined) throw found;
    },
  };
}

function succeeds(put: Promise<unknown>): Promise<boolean> {
  return put.then(
    () => true,
    () => false,
  );
}

type CountsAs = (node: SimNode, address: Address) => boolean;

function claims(node: SimNode, address: Address): boolean {
  return node.claims(address);
}

function copiesOf({ nodes, cut }: SimWorld, address: Address, counts: CountsAs): number {
  return nodes.filter((node) => node.up() && !cut.has(node.peer) && counts(node, address)).length;
}

/** Lets time pass until the bound of each chunk that is short of a copy found rotten has passed. */
function createRotWait(world: SimWorld, min: number): (chunks: Iterable<Address>, boundMs: number) => Promise<void> {
  const foundMs = new Map<Address, number>();
  world.onRotFound((address) => void foundMs.set(address, world.clock.monotonicMs()));
  return async (chunks, boundMs) => {
    const dueMs = [...chunks].map((address) => (copiesOf(world, address, claims) < min ? (foundMs.get(address) ?? 0) + boundMs : 0));
    await world.clock.advance(Math.max(0, Math.max(0, ...dueMs) - world.clock.monotonicMs()));
  };
}

/** A reader tries again for a moment. */
async function readPatiently({ clock, client }: SimWorld, address: Address): Promise<Uint8Array | undefined> {
  for (let tried = 0; tried < readTries; tried += 1) {
    const got = await clock.runUntil(client.getChunk(address).catch(() => undefined));
    if (got !== undefined) return got;
    await clock.advance(1_000);
  }
  return undefined;
}

function short(address: Address): string {
  return address.slice(0, 12);
}
