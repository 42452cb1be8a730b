// Proves that nobody but the node that was told can answer for it, and nothing but this one command, and that a node whose signed answer is
// not as it should be spoils nothing but its own statement. Method: requests checked as a node does, answers signed with real keys.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type AdminHttpAnswer, adminSignatureHeader, checkAdminRequest, signAdminAnswer } from "../../protocol/admin-request.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import { createNonceCache } from "../../protocol/nonce-cache.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { CallMember } from "./http-call.ts";
import { type CommandOutcome, createNodeCommander, type StatementOutcome } from "./node-commander.ts";

const at = (node: PeerId) => ({ ip: "10.0.0.1", port: 9091, node });

const keyOf = (seed: number) => signingKeyFromSeed(seededRandom(seed).bytes(32));

/** What somebody on the way makes of an answer: who signs it, for which request, and what arrives in place of what was signed. */
type Tampering = {
  readonly key?: SigningKey;
  readonly nonce?: Uint8Array;
  readonly sent?: Partial<AdminHttpAnswer>;
  readonly header?: string;
};

/** A commander, and the node that it commands, which answers to everything like this, if at all. */
function commanderOf(status: number | undefined, text: string, { key, nonce, sent, header: unsigned }: Tampering = {}) {
  const [owner, admin, nodeKey] = [keyOf(1), keyOf(2), keyOf(3)];
  const peerId = peerIdFromPublicKey(nodeKey.publicKey);
  const nonces = createNonceCache(16);
  const taken: string[] = [];
  const genesis = createGenesis({ name: "attic", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 1 }, owner);
  const random = seededRandom(4);
  let drawn = new Uint8Array(0);
  const noted = {
    ...random,
    bytes: (length: number) => {
      drawn = new Uint8Array(random.bytes(length));
      return drawn;
    },
  };
  const clock = createVirtualClock();
  const call: CallMember = async ({ method, path, headers = {}, body: asked = new Uint8Array(0) }) => {
    const gate = { networkId: genesis.networkId, adminKey: admin.publicKey, node: peerId, nonces, wallMs: clock.wallMs() };
    const verdict = checkAdminRequest(gate, { method, path, body: asked }, headers[adminSignatureHeader]);
    taken.push(verdict.ok ? `${method} ${path}` : verdict.why);
    if (status === undefined) return undefined;
    const body = textBytes(text);
    const header = unsigned ?? signAdminAnswer(genesis.networkId, key ?? nodeKey, nonce ?? drawn, { status, body });
    return { status, body, header: (name) => (name === adminSignatureHeader ? header : undefined), ...sent };
  };
  const commander = createNodeCommander({ genesis, owner, admin }, { clock, random: noted, call });
  return { commander, node: at(peerId), taken };
}

type Commanded = ReturnType<typeof commanderOf>;
const bytes = Uint8Array.of(1);
const pair = { statement: bytes, witness: bytes };
const commands: readonly (readonly [string, (to: Commanded) => Promise<CommandOutcome | StatementOutcome>])[] = [
  ["PUT /v1/grant", ({ commander, node }) => commander.grant(node)],
  ["PUT /v1/certificate", ({ commander, node }) => commander.certify(node, bytes)],
  ["PUT /v1/leave", ({ commander, node }) => commander.leave(node, pair)],
  ["PUT /v1/peers", ({ commander, node }) => commander.tellPeers(node, [])],
  ["PUT /v1/desired", ({ commander, node }) => commander.setDesired(node, "draining")],
  ["POST /v1/safe-to-stop", ({ commander, node }) => commander.safeToStop(node, "removal")],
  ["POST /v1/stop-witness?of=network", ({ commander, node }) => commander.witnessStop(node, bytes)],
];
const signed = JSON.stringify({ signed: Buffer.from("statement").toString("base64url") });

test("every command is one that the node takes, and done once the node says so", async () => {
  for (const [line, send] of commands) {
    const to = commanderOf(200, signed);
    const isStatement = line.startsWith("POST");
    const done = isStatement ? { kind: "signed", bytes: textBytes("statement") } : { ok: true };
    assert.deepEqual([await send(to), to.taken], [done, [line]]);
    const working = isStatement ? { kind: "working" } : { ok: true };
    assert.deepEqual(await send(commanderOf(202, signed)), working, line);
  }
});

test("what another signed, what was signed for another request, and what was changed on the way is no answer of the node", async () => {
  const tampered: readonly Tampering[] = [
    { header: "" },
    { header: "bm90IGFuIGVudmVsb3Bl" },
    { key: keyOf(2) },
    { key: keyOf(9) },
    { nonce: new Uint8Array(16) },
    { sent: { status: 202 } },
    { sent: { body: textBytes(signed.replace("c3R", "d3R")) } },
  ];
  for (const [line, send] of commands)
    for (const tampering of tampered) {
      const outcome = await send(commanderOf(200, signed, tampering));
      const { why, reason, ...rest } = outcome as { readonly why: string; readonly reason?: string };
      assert.match(why, /^the answer is not the node's: /, line);
      assert.deepEqual([rest, reason], [line.startsWith("POST") ? { kind: "failed" } : { ok: false }, undefined], line);
    }
  const refusal = await commanderOf(422, "no", { key: keyOf(9) });
  assert.equal(Reflect.get(await refusal.commander.leave(refusal.node, pair), "reason"), undefined, "nor is a refusal");
});

test("an answer of a node that is signed and no JSON is a statement that it does not make, and ends nothing else", async () => {
  const { commander, node } = commanderOf(200, "<html>");
  assert.deepEqual(await commander.safeToStop(node, "removal"), { kind: "failed", why: "the answer holds no statement" });
});

test("a refusal is told from a command that a node does not know, and both from no answer", async () => {
  const left = async (status: number | undefined) => {
    const { commander, node } = commanderOf(status, "said");
    return commander.leave(node, pair);
  };
  assert.deepEqual(await left(422), { ok: false, why: "said", reason: "refused" });
  assert.deepEqual(await left(404), { ok: false, why: "said" });
  assert.deepEqual(await left(undefined), { ok: false, why: "no answer", reason: "no-answer" });
});
