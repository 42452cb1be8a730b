// Proves what a node tells of the network's members: those that live or were silent for a moment only, each with the low figures that it
// published; nobody who is nobody's member; and that the nodes of a large network tell of all together. Method: made-up records.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { NodeView } from "../network/directory.ts";
import { signingKeyFromSeed, vaultName } from "../protocol/keys.ts";
import type { CopyFigures } from "../protocol/node-figures.ts";
import { createNodeRecord, type NodeRecord } from "../protocol/node-record.ts";
import { membersToldMax } from "../protocol/node-status.ts";
import { type PeerId, peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { membersSeen } from "./members-seen.ts";

const policy = { min: 4, target: 5, max: 8 };
const wallMs = 1_000_000;
const rest: CopyFigures = { live: [0, 0, 0, 0, 0, 10], partial: false, repairing: 0, bytesLeft: 0, etaMs: 0, waiting: 0, dueMs: null };
const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const self = peerIdFromPublicKey(keyOf(200).publicKey);

type Change = Partial<NodeView> & { readonly copies?: Partial<CopyFigures> | null; readonly vaults?: readonly unknown[] };

function view(n: number, { copies, vaults = [], ...change }: Change = {}): NodeView {
  const figures =
    copies === undefined ? {} : { figures: { copies: copies === null ? null : { ...rest, ...copies }, suspects: [], seen: [] } };
  const draft = { addresses: [], domain: { region: "", zone: "", host: "" }, software: "", startCounter: 1, sequence: 1, signedAtMs: 0 };
  const record = createNodeRecord(vaultName(keyOf(99).publicKey), keyOf(n), { ...draft, vaults: [], ...figures });
  return { record: { ...record, vaults } as NodeRecord, state: "live", since: 0, confirmed: false, ...change };
}
const told = (...nodes: readonly NodeView[]) => membersSeen({ self, directory: { nodes: () => nodes }, policy }, wallMs);

test("it tells what each member published of its chunks, and nothing of one that has not counted, is older, or does not count", () => {
  const cases: readonly (readonly [Change["copies"], unknown])[] = [
    [{}, { belowMin: 0, lowest: 5 }],
    [{ live: [0, 0, 1, 2, 3, 4] }, { belowMin: 3, lowest: 2 }],
    [
      { live: [0, 0, 0, 2, 0, 4], onLeavers: 2 },
      { belowMin: 0, lowest: 3 },
    ],
    [{ live: [] }, { belowMin: 0, lowest: 8 }],
    [
      { live: [0, 0, 0, 1], onLeavers: 50 },
      { belowMin: 0, lowest: 3 },
    ],
    [{ partial: true }, null],
    [null, null],
    [undefined, null],
  ];
  for (const [copies, counted] of cases)
    assert.deepEqual(told(view(1, copies === undefined ? {} : { copies })).next[0]?.counted, counted, JSON.stringify(copies));
});

test("members are those that live, or have been silent for less than false suspicions last; strangers are none, and it is one itself", () => {
  const [own, living, moment, silent, gone, stranger] = [
    { ...view(200, { copies: {} }) },
    view(1, { copies: {}, vaults: [{ state: "cordoned" }, { state: "active" }] }),
    view(2, { copies: {}, state: "suspected", since: wallMs - 1_000, vaults: [{ state: "draining" }] }),
    view(3, { copies: {}, state: "suspected", since: wallMs - 3_000 }),
    view(4, { copies: {}, state: "gone", since: wallMs }),
    view(5, { copies: {}, stranger: true }),
  ];
  const { live, next } = told(own, living, moment, silent, gone, stranger);
  assert.equal(live, 3);
  const takes = new Map(next.map(({ peerId, takes }) => [peerId, takes]));
  assert.deepEqual(takes, new Map([[living.record.peerId, true] as const, [moment.record.peerId, false] as const].sort(byPeer)));
});

const byPeer = ([a]: readonly [PeerId, boolean], [b]: readonly [PeerId, boolean]): number => (a < b ? -1 : 1);

test("in a large network each tells of those that follow it, and all of them of everybody", () => {
  const nodes = Array.from({ length: 120 }, (_, n) => view(n + 1, { copies: {} }));
  const peers = nodes.map(({ record }) => record.peerId);
  const heard = new Set<PeerId>();
  for (const peer of peers) {
    const { live, next } = membersSeen({ self: peer, directory: { nodes: () => nodes }, policy }, wallMs);
    assert.deepEqual([live, next.length], [120, membersToldMax]);
    for (const { peerId } of next) heard.add(peerId as PeerId);
  }
  assert.equal(heard.size, 120);
});
