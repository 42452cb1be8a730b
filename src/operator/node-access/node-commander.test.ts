// Proves that a node whose signed answer is not as it should be spoils nothing but its own statement. Method: answers signed with a
// node's real key.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { adminSignatureHeader, signAdminAnswer } from "../../protocol/admin-request.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { CallMember } from "./http-call.ts";
import { createNodeCommander } from "./node-commander.ts";

const at = (node: PeerId) => ({ ip: "10.0.0.1", port: 9091, node });

/** A commander, and the node that it commands, which answers to everything like this, if at all. */
function commanderOf(status: number | undefined, text: string) {
  const keyOf = (seed: number) => signingKeyFromSeed(seededRandom(seed).bytes(32));
  const [owner, admin, nodeKey] = [keyOf(1), keyOf(2), keyOf(3)];
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
  const call: CallMember = async () => {
    if (status === undefined) return undefined;
    const body = textBytes(text);
    const header = signAdminAnswer(genesis.networkId, nodeKey, drawn, { status, body });
    return { status, body, header: (name) => (name === adminSignatureHeader ? header : undefined) };
  };
  const commander = createNodeCommander({ genesis, owner, admin }, { clock: createVirtualClock(), random: noted, call });
  return { commander, node: at(peerIdFromPublicKey(nodeKey.publicKey)) };
}

test("an answer of a node that is signed and no JSON is a statement that it does not make, and ends nothing else", async () => {
  const { commander, node } = commanderOf(200, "<html>");
  assert.deepEqual(await commander.safeToStop(node, "removal"), { kind: "failed", why: "the answer holds no statement" });
});

test("a refusal is told from a command that a node does not know, and both from no answer", async () => {
  const pair = { statement: Uint8Array.of(1), witness: Uint8Array.of(2) };
  const left = async (status: number | undefined) => {
    const { commander, node } = commanderOf(status, "said");
    return commander.leave(node, pair);
  };
  assert.deepEqual(await left(422), { ok: false, why: "said", reason: "refused" });
  assert.deepEqual(await left(404), { ok: false, why: "said" });
  assert.deepEqual(await left(undefined), { ok: false, why: "no answer", reason: "no-answer" });
});
