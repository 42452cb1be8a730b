// Proves who may command a node: only the farm's admin key, for this node, this method, path and body, once and in time;
// and that an answer is the node's own, to this request. Every field is changed in turn.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, addressFromBytes } from "./address.ts";
import {
  type AdminGate,
  type AdminHttpRequest,
  adminRequestAheadMax,
  checkAdminAnswer,
  checkAdminRequest,
  signAdminAnswer,
  signAdminRequest,
} from "./admin-request.ts";
import { textBytes } from "./bytes.ts";
import { type SigningKey, signingKeyFromSeed } from "./keys.ts";
import { createNonceCache } from "./nonce-cache.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";

const testKey = (n: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(n));
const testAddress = (n: number): Address => addressFromBytes(new Uint8Array(32).fill(n));
const wallMs = 1_800_000_000_000;
const networkId = testAddress(1);
const admin = testKey(1);
const nodeKey = testKey(2);
const node = peerIdFromPublicKey(nodeKey.publicKey);
const otherNode = peerIdFromPublicKey(testKey(3).publicKey);
const nonce = new Uint8Array(16).fill(7);
const request: AdminHttpRequest = { method: "POST", path: "/v1/cordon?why=disk", body: textBytes('{"a":1}') };
const terms = { node, nonce, notAfterMs: wallMs + 15_000 };

const gate = (change: Partial<AdminGate> = {}): AdminGate => ({
  networkId,
  adminKey: admin.publicKey,
  node,
  nonces: createNonceCache(),
  wallMs,
  ...change,
});
const verdict = (at: AdminGate, asked: AdminHttpRequest, header: string | undefined): string => {
  const result = checkAdminRequest(at, asked, header);
  return result.ok ? "ok" : result.code;
};
const header = signAdminRequest(networkId, admin, request, terms);

test("a request signed by the admin key for this node is carried out once", () => {
  const at = gate();
  assert.equal(verdict(at, request, header), "ok");
  assert.equal(verdict(at, request, header), "replayed");
});

test("every other request is refused with its reason", () => {
  assert.equal(verdict(gate(), request, undefined), "unsigned");
  assert.equal(verdict(gate(), request, ""), "unsigned");
  assert.equal(verdict(gate(), request, "!!"), "malformed");
  assert.equal(verdict(gate(), request, "A".repeat(5000)), "malformed");
  assert.equal(verdict(gate({ adminKey: testKey(9).publicKey }), request, header), "not-authorised");
  assert.equal(verdict(gate({ networkId: testAddress(2) }), request, header), "not-authorised");
  assert.equal(verdict(gate({ node: otherNode }), request, header), "other-node");
  assert.equal(verdict(gate(), { ...request, method: "GET" }, header), "mismatch");
  assert.equal(verdict(gate(), { ...request, path: "/v1/drain" }, header), "mismatch");
  assert.equal(verdict(gate(), { ...request, body: textBytes("{}") }, header), "mismatch");
  assert.equal(verdict(gate({ wallMs: wallMs + 15_001 }), request, header), "expired");
  const distant = signAdminRequest(networkId, admin, request, { ...terms, notAfterMs: wallMs + adminRequestAheadMax + 1 });
  assert.equal(verdict(gate(), request, distant), "expired");
});

test("a refused request does not use up its nonce", () => {
  const at = gate();
  assert.equal(verdict(at, { ...request, body: textBytes("x") }, header), "mismatch");
  assert.equal(verdict(at, request, header), "ok");
});

test("an answer must come from the node asked, to this request, unchanged", () => {
  const answer = { status: 200, body: textBytes("done") };
  const signed = signAdminAnswer(networkId, nodeKey, nonce, answer);
  const check = (change: object, shown = answer, by: string | undefined = signed): string => {
    const result = checkAdminAnswer({ networkId, node, nonce, ...change }, shown, by);
    return result.ok ? "ok" : result.code;
  };
  assert.equal(check({}), "ok");
  assert.equal(check({ node: otherNode }), "not-authorised");
  assert.equal(check({ nonce: new Uint8Array(16) }), "replayed");
  assert.equal(check({}, { ...answer, status: 500 }), "mismatch");
  assert.equal(check({}, { ...answer, body: textBytes("not") }), "mismatch");
  assert.equal(check({}, answer, ""), "unsigned");
  assert.equal(check({}, answer, header), "malformed");
});

test("a nonce cache forgets what expired and refuses while full", () => {
  const nonces = createNonceCache(2);
  assert.equal(nonces.use("a", 100, 0), true);
  assert.equal(nonces.use("b", 200, 0), true);
  assert.equal(nonces.use("c", 300, 50), false);
  assert.equal(nonces.use("c", 300, 150), true);
  assert.equal(nonces.use("b", 200, 150), false);
  assert.equal(nonces.use("d", 100, 150), false);
});

test("no header makes the check throw", () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ maxLength: 300 }), (text, bytes) => {
      assert.notEqual(verdict(gate(), request, text), "ok");
      assert.notEqual(verdict(gate(), request, Buffer.from(bytes).toString("base64url")), "ok");
    }),
    { numRuns: 200 },
  );
});
