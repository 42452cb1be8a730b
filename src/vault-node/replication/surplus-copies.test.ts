// Proves of dropping copies too many that nothing waits for it: neither looks, where a node that should prove its copy gives no answer,
// nor other copies; that what was put off is tried again soon; and that nobody who leaves meanwhile counts among the proofs.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { AuditVerdict } from "../audit/auditor.ts";
import type { Looked } from "./chunk-look.ts";
import { createReminders } from "./reminders.ts";
import { silentReplicationEvents } from "./replication-events.ts";
import { createSurplusCopies } from "./surplus-copies.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const peer = (n: number): PeerId => peerIdFromPublicKey(keyOf(n).publicKey);
const addressOf = (n: number): Address => chunkAddress(Uint8Array.of(n, n >> 8));
const vault = vaultName(keyOf(90).publicKey);
const limits = { trimAfterMs: 60_000, remindersMax: 1_000 };
const size = 2 ** 20;
const never = AbortSignal.any([]);

/** Copies too many, each of which `proofs` names a node for; `answer`: what that one says of it. */
function scene(count: number, proofs: (n: number) => PeerId, answer: (peer: PeerId) => Promise<AuditVerdict>) {
  const clock = createVirtualClock();
  const held = new Set(Array.from({ length: count }, (_, n) => addressOf(n)));
  const away = new Set<PeerId>();
  const reminders = createReminders(limits.remindersMax);
  const store = {
    info: (address: Address) => (held.has(address) ? { vault, size, storedAtMs: 0 } : undefined),
    remove: async (address: Address) => held.delete(address),
  };
  const auditor = {
    audit: async (target: { peer: PeerId; chunks: readonly Address[] }) => {
      const verdict = await answer(target.peer);
      return target.chunks.map(() => verdict);
    },
  };
  const trim = { auditor, store, events: silentReplicationEvents, stays: (one: PeerId) => !away.has(one) };
  const surplus = createSurplusCopies({ trim, reminders, clock, log: silentLog, limits });
  const all = Array.from({ length: count }, (_, n) => [addressOf(n), n] as const);
  const look = (): void => {
    const seen = all.filter(([address]) => held.has(address)).map(([address, n]): [Address, Looked] => [address, lookedAt(proofs(n))]);
    surplus.note(
      all.map(([address]) => address),
      new Map(seen),
      never,
    );
  };
  return { clock, held, away, reminders, look };
}

function lookedAt(proof: PeerId): Looked {
  return { plan: { copies: 6, orders: [], order: [], ahead: [], short: 0, proofs: [proof] }, silent: new Set() };
}

test("a node that gives no proof holds up neither looks nor other copies for long", async () => {
  const { clock, held, look } = scene(
    100,
    (n) => (n < 50 ? peer(1) : peer(2)),
    async (asked) => {
      if (asked === peer(1)) await clock.sleep(18_000);
      return asked === peer(1) ? "silent" : "proven";
    },
  );
  look();
  await clock.advance(limits.trimAfterMs);
  look();
  await clock.advance(4 * limits.trimAfterMs);
  look();
  await clock.advance(limits.trimAfterMs);
  assert.equal(held.size, 50, "all that were proven went, in minutes");
});

test("what was put off is looked at again soon, and goes then", async () => {
  let verdict: AuditVerdict = "later";
  const { clock, held, reminders, look } = scene(
    3,
    () => peer(1),
    async () => verdict,
  );
  look();
  await clock.advance(limits.trimAfterMs);
  look();
  await clock.advance(0);
  assert.equal(held.size, 3);
  verdict = "proven";
  await clock.advance(limits.trimAfterMs);
  const due = reminders.takeDue(clock.monotonicMs(), 10, { isBack: () => false, taking: () => new Set() });
  assert.equal(due.size, 3, "remembered");
  look();
  await clock.advance(1);
  assert.equal(held.size, 0);
});

test("who leaves while proofs are taken is none of those that keep it", async () => {
  const { clock, held, away, look } = scene(
    1,
    () => peer(1),
    async () => "proven",
  );
  look();
  await clock.advance(limits.trimAfterMs);
  away.add(peer(1));
  look();
  await clock.advance(1);
  assert.equal(held.size, 1);
});
