// Proves what one look says where it brings no pair: what the node's own statement has against it, what only was not brought to an
// end, and what nobody will say. Method: a statement signed with a real key, and who is asked answers as the case says.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createGenesis } from "../../protocol/genesis.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { type StopStatement, signStopStatement } from "../../protocol/safe-to-stop.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { StopEvidence, StopProblem } from "../vault-farm/observed.ts";
import type { StatementOutcome } from "./node-commander.ts";
import { type AskedNode, evidenceAfter, evidenceRefused, takeStopLook } from "./stop-look.ts";

const keyOf = (byte: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(byte));
const genesis = createGenesis({ name: "attic", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, keyOf(1));
const digest = new Uint8Array(32);

function asked(name: string, byte: number): AskedNode {
  const peerId = peerIdFromPublicKey(keyOf(byte).publicKey);
  return { name, peerId, host: "", at: { ip: "10.0.0.1", port: 9091, node: peerId } };
}

function stated(change: Partial<StopStatement> = {}): StatementOutcome {
  const sound = {
    startCounter: 1,
    membership: digest,
    inventory: digest,
    count: 9,
    stayers: 5,
    short: 0,
    bytesLeft: 0,
    estimateSeconds: 0,
  };
  const { node: _, ...said } = { node: "", purpose: "removal" as const, statedAtMs: 1, ...sound, ...change };
  return { kind: "signed", bytes: signStopStatement(genesis.networkId, keyOf(2), said) };
}

const working: StatementOutcome = { kind: "working" };
const silent: StatementOutcome = { kind: "failed", why: "no answer", reason: "no-answer" };

async function problemOf(own: StatementOutcome, word: StatementOutcome = silent): Promise<StopProblem> {
  const clock = createVirtualClock();
  const commander = { safeToStop: async () => own, witnessStop: async () => word };
  const look = await clock.runUntil(
    takeStopLook("removal", { keys: { genesis }, commander, clock, node: asked("a", 2), witnesses: [asked("b", 3)] }),
  );
  return "pair" in look ? assert.fail("there is a pair") : look.problem;
}

test("what the node states against its going is told as such", async () => {
  assert.deepEqual(await problemOf(stated({ short: 3, bytesLeft: 7 })), {
    ...{ why: "3 chunks would have fewer than 5 copies", obstacle: "short", short: 3, bytesLeft: 7 },
  });
  assert.equal((await problemOf(stated({ stayers: 3 }))).obstacle, "too-few-nodes");
});

test("a statement or word that is still being made, and a node whose answer was lost, leave the look open", async () => {
  for (const problem of [await problemOf(working), await problemOf(silent), await problemOf(stated(), working)])
    assert.deepEqual([problem.unfinished, problem.obstacle], [true, undefined], problem.why);
});

test("who makes no statement, and a second source that gives no word, say nothing against it", async () => {
  const none: StatementOutcome = { kind: "failed", why: "this node makes no statements" };
  for (const problem of [await problemOf(none), await problemOf(stated(), none), await problemOf(stated(), silent)])
    assert.deepEqual([problem.unfinished, problem.obstacle], [undefined, undefined], problem.why);
});

test("a proof that the node itself does not go with is none any more", () => {
  const first = { statement: digest, witness: digest, takenAtMs: 1 };
  const before: StopEvidence = { purpose: "removal", among: ["b"], first };
  assert.deepEqual(evidenceRefused(before, "of another start"), {
    ...{ purpose: "removal", among: ["b"] },
    problem: { why: "it does not go with the proof of before: of another start", unfinished: true },
  });
});

test("a later look is the second of two only for the same purpose, where the first was kept; one that brings nothing leaves nothing", () => {
  const at = (takenAtMs: number) => ({ statement: digest, witness: digest, takenAtMs });
  const before: StopEvidence = { purpose: "removal", among: ["b"], first: at(1) };
  const asked = { purpose: "removal", among: ["c"], keep: true } as const;
  const look = { pair: at(2) };
  const rest = { purpose: "removal", among: ["c"] } as const;
  const problem = { why: "it does not answer" };
  assert.deepEqual(evidenceAfter(asked, before, look), { ...rest, first: at(1), second: at(2) });
  for (const [action, known] of [
    [{ ...asked, keep: false }, before],
    [asked, { ...before, purpose: "restart" }],
    [asked, { purpose: "removal", among: ["c"], problem }],
    [asked, undefined],
  ] as const)
    assert.deepEqual(evidenceAfter(action, known, look), { ...rest, first: at(2) });
  assert.deepEqual(evidenceAfter(asked, before, { problem }), { ...rest, problem });
});
