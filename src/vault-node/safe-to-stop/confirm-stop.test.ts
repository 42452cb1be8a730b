// Proves that a node which is asked for the word of the second source gets it from the node whose turn it is, and from no other: never on
// its own statement; that it looks itself where it is its turn, for a restart, and where that node refuses the question as older ones do;
// and that silence, a refusal with a reason and another's word are no word. Method: questions to peers are answered by the test.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { NetworkError } from "../../network/errors.ts";
import { createNodeViews } from "../../network/membership/node-views.ts";
import type { Delivery, Peers, RequestKind } from "../../network/peers.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { hash } from "../../protocol/hash.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import { type StopWitnessReply, stopWitnessReply } from "../../protocol/messages/stop-witness.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { type StopPurpose, signStopStatement, signStopWitness } from "../../protocol/safe-to-stop.ts";
import { witnessFor } from "../../protocol/stop-decision.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { confirmStop } from "./confirm-stop.ts";
import type { StopWitnessParts } from "./stop-witness.ts";

const copies = { min: 4, target: 5, max: 8 };
const capacity = 320;
const key = (n: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(n));
const peer = (n: number): PeerId => peerIdFromPublicKey(key(n).publicKey);
const genesis = createGenesis({ name: "confirm", copies, placeUnit: 10, createdAt: 0 }, key(200));
const { networkId } = genesis;
const digest = new Uint8Array(32);
const nodes = [1, 2, 3, 4, 5, 6, 7];
const leaver = 1;
/** On the leaver's host, so that its turn never comes. */
const neighbour = 2;
const hostOf = (n: number): string => `host ${n === neighbour ? leaver : n}`;
const silent = 7;

type Answering = (witness: number) => StopWitnessReply | NetworkError;
type Asked = { readonly peer: PeerId; readonly kind: RequestKind };

/** What node `self` gets for a statement, and whom it asked on the way. */
async function confirmed(self: number, statement: Uint8Array, answering: Answering) {
  const clock = createVirtualClock();
  const { directory, putRecord } = createNodeViews(genesis, clock.wallMs);
  for (const n of nodes) {
    const record = createNodeRecord(networkId, key(n), {
      addresses: [],
      domain: { region: "", zone: "", host: hostOf(n) },
      software: "",
      startCounter: 1,
      sequence: 1,
      signedAtMs: 0,
      vaults: [{ key: key(n + 100), capacity, used: 0, chunks: 0, state: "active", wallet: null }],
    });
    putRecord(record, n === silent ? "suspected" : "live");
  }
  const asked: Asked[] = [];
  const request: Peers["request"] = async (to, kind): Promise<Delivery> => {
    asked.push({ peer: to, kind });
    const reply = kind === "stop-witness" ? answering(nodes.find((n) => peer(n) === to) ?? 0) : new NetworkError("unreachable", "no");
    if (reply instanceof NetworkError) throw reply;
    return { body: encodeMessage(stopWitnessReply, reply), chunks: [], hashes: [], release: () => {} };
  };
  const view = { around: () => [], answering: () => [], isHere: () => true, keeperAt: () => undefined };
  const parts: StopWitnessParts = {
    ...{ genesis, key: key(self), startCounter: 1, directory, clock, view, log: silentLog, random: seededRandom(1) },
    peers: { self: peer(self), request },
    store: { addresses: () => [], info: () => undefined, read: async () => undefined } as unknown as StopWitnessParts["store"],
    auditorOver: () => assert.fail("nothing is challenged here"),
    answers: async () => undefined,
    ...{ chunksPerSurvey: 10, bytesPerSecond: 1, questionTimeoutMs: 1_000, fetchTimeoutMs: 1_000 },
  };
  const outcome = await clock.runUntil(
    confirmStop(parts, statement, new AbortController().signal).then(
      (word) => ({ word }),
      (cause: unknown) => ({ why: String(cause) }),
    ),
  );
  return { outcome, asked, looked: asked.some(({ kind, peer: to }) => kind !== "stop-witness" && to === peer(leaver)) };
}

function stated(statedAtMs: number, purpose: StopPurpose = "removal"): Uint8Array {
  const found = { membership: digest, inventory: digest, count: 0, stayers: 6, short: 0, bytesLeft: 0, estimateSeconds: 0 };
  return signStopStatement(networkId, key(leaver), { ...found, startCounter: 1, purpose, statedAtMs });
}

function wordBy(n: number, statement: Uint8Array): Uint8Array {
  const found = { membership: digest, inventory: digest, count: 0, short: 0, audited: 0, failed: 0, statedAtMs: 1 };
  return signStopWitness(networkId, key(n), { ...found, statement: hash(statement) });
}

const live = nodes.filter((n) => n !== silent);
function turnOf(statement: Uint8Array): number {
  const candidates = live.map((n) => ({ peerId: peer(n), host: hostOf(n) }));
  const turn = witnessFor(statement, { peerId: peer(leaver), host: hostOf(leaver) }, candidates);
  return nodes.find((n) => peer(n) === turn?.peerId) ?? assert.fail();
}

const statements = Array.from({ length: 20 }, (_, n) => stated(1_000 + n));
const statement = statements.find((bytes) => turnOf(bytes) !== 3) ?? assert.fail();
const turn = turnOf(statement);

test("the word is asked of whose turn it is among the live, whoever that is, and handed on as it is", async () => {
  const turns = new Set<number>();
  for (const bytes of statements) {
    const expected = turnOf(bytes);
    turns.add(expected);
    const { outcome, asked } = await confirmed(neighbour, bytes, (n) => ({ kind: "signed", word: wordBy(n, bytes) }));
    assert.deepEqual(outcome, { word: wordBy(expected, bytes) });
    assert.deepEqual(asked, [{ peer: peer(expected), kind: "stop-witness" }]);
  }
  assert.deepEqual([...turns].sort(), [3, 4, 5, 6]);
});

test("a long look is asked for until it is there", async () => {
  let asked = 0;
  const { outcome } = await confirmed(neighbour, statement, (n) => {
    asked += 1;
    return asked < 4 ? { kind: "working" } : { kind: "signed", word: wordBy(n, statement) };
  });
  assert.deepEqual([outcome, asked], [{ word: wordBy(turn, statement) }, 4]);
});

test("it looks itself where it is its turn, for a restart, and where the one whose turn it is refuses the question", async () => {
  const never: Answering = () => assert.fail("nobody is asked");
  const own = await confirmed(turn, statement, never);
  assert.ok(own.looked);
  const restart = await confirmed(neighbour, stated(1_000, "restart"), never);
  assert.ok(restart.looked);
  const older = await confirmed(neighbour, statement, () => new NetworkError("refused", "no handler for this kind of request"));
  assert.ok(older.looked);
});

test("nobody is asked about its own statement, one of a stranger, or what is none", async () => {
  const ofStranger = signStopStatement(networkId, key(50), {
    ...{ startCounter: 1, purpose: "removal", membership: digest, inventory: digest, count: 0 },
    ...{ stayers: 6, short: 0, bytesLeft: 0, estimateSeconds: 0, statedAtMs: 1_000 },
  });
  for (const [self, bytes] of [[leaver, statement] as const, [3, ofStranger] as const, [3, Uint8Array.of(1, 2, 3)] as const]) {
    const { outcome, asked } = await confirmed(self, bytes, () => assert.fail("nobody is asked"));
    assert.deepEqual([outcome, asked], [{ word: undefined }, []]);
  }
});

const other = live.find((n) => n !== turn && n !== leaver) ?? assert.fail();
const noWord: readonly (readonly [string, RegExp, Answering])[] = [
  ["a reason", /declines: other-turn/, () => ({ kind: "declined", why: "other-turn" })],
  ["silence", /gives no answer: timeout/, () => new NetworkError("timeout", "no answer")],
  ["another node's word", /not its own word/, () => ({ kind: "signed", word: wordBy(other, statement) })],
  ["its word on another statement", /not its own word/, (n) => ({ kind: "signed", word: wordBy(n, stated(9)) })],
  ["garbage", /not its own word/, () => ({ kind: "signed", word: Uint8Array.of(1) })],
];
for (const [name, why, answering] of noWord)
  test(`${name} is no word, and this node's own does not take its place`, async () => {
    const { outcome, looked } = await confirmed(neighbour, statement, answering);
    assert.match("why" in outcome ? outcome.why : "a word", why);
    assert.equal(looked, false);
  });
