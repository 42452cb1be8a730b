// Proves that only commands signed by the admin key, for this node, now and for the first time are carried out, that
// answers carry the node's signature, and that garbage harms nothing. Method: a real server on a free port.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { createConfirmedBook } from "../../network/membership/certificates/confirmed-book.ts";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import {
  type AdminRefusalCode,
  type AdminRequestTerms,
  adminSignatureHeader,
  checkAdminAnswer,
  signAdminRequest,
} from "../../protocol/admin-request.ts";
import { type MembershipStatement, signAsOwner } from "../../protocol/certificate.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { createGrant } from "../../protocol/grant.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import type { HttpServer } from "../../runtime/http-server.ts";
import { silentLog } from "../../runtime/log.ts";
import { systemRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { StopJob } from "../safe-to-stop/stop-jobs.ts";
import { createAdminServer } from "./admin-server.ts";

const key = (byte: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(byte));
const [owner, adminKey, nodeKey] = [key(1), key(2), key(3)];
const node = peerIdFromPublicKey(nodeKey.publicKey);
const genesis = createGenesis({ name: "test", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, owner);
const clock = createVirtualClock();
const held: readonly Address[] = [3, 1, 2].map((byte) => chunkAddress(Uint8Array.of(byte)));

const book = createConfirmedBook(genesis);

let server: HttpServer;
let done: unknown[] = [];
let job: StopJob = { kind: "working" };
beforeEach(() => {
  done = [];
});
before(async () => {
  const parts = {
    networkId: genesis.networkId,
    adminKey: adminKey.publicKey,
    nodeKey,
    clock,
    log: silentLog,
    genesis,
    peerId: node,
    store: { addresses: () => held },
    setGrant: async (grant: Uint8Array) => void done.push(["grant", grant.length]),
    setDesired: async (state: string) => void done.push(["desired", state]),
    addPeers: (addresses: readonly NodeAddress[]) => void done.push(["peers", addresses]),
    offerCertificate: async (bytes: Uint8Array) => book.offer(bytes),
    stops: {
      state: async (purpose: string) => {
        done.push(["state", purpose]);
        return job;
      },
      witness: async (statement: Uint8Array) => {
        done.push(["witness", statement.length]);
        return job;
      },
      confirm: async (statement: Uint8Array) => {
        done.push(["confirm", statement.length]);
        return job;
      },
    },
  };
  server = createAdminServer(parts, { ip: "127.0.0.1", port: 0 });
  await server.start();
});
after(() => server.stop());

type Change = {
  readonly signer?: SigningKey;
  readonly networkId?: Address;
  readonly terms?: Partial<AdminRequestTerms>;
  readonly send?: { readonly path?: string; readonly method?: string; readonly body?: Uint8Array };
};
type Answered = {
  readonly status: number;
  readonly json: Record<string, unknown>;
  readonly body: Uint8Array;
  readonly signature: string | undefined;
};

async function send(method: string, path: string, body: Uint8Array, header: string | undefined): Promise<Answered> {
  const response = await fetch(`http://127.0.0.1:${server.port()}${path}`, {
    method,
    ...(header === undefined ? {} : { headers: { [adminSignatureHeader]: header } }),
    ...(method === "GET" ? {} : { body: Buffer.from(body) }),
  });
  const answer = new Uint8Array(await response.arrayBuffer());
  const json = JSON.parse(Buffer.from(answer).toString()) as Record<string, unknown>;
  return { status: response.status, json, body: answer, signature: response.headers.get(adminSignatureHeader) ?? undefined };
}

async function command(method: string, path: string, body: Uint8Array, change: Change = {}): Promise<Answered> {
  const terms = { node, nonce: systemRandom.bytes(16), notAfterMs: clock.wallMs() + 15_000, ...change.terms };
  const header = signAdminRequest(change.networkId ?? genesis.networkId, change.signer ?? adminKey, { method, path, body }, terms);
  const answer = await send(change.send?.method ?? method, change.send?.path ?? path, change.send?.body ?? body, header);
  if (answer.status === 200) {
    const asked = { networkId: genesis.networkId, node, nonce: terms.nonce };
    assert.deepEqual(checkAdminAnswer(asked, answer, answer.signature).ok, true, "the answer is signed by the node");
  }
  return answer;
}
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const cordon = json({ state: "cordoned" });

test("signed commands are carried out", async () => {
  assert.equal((await command("PUT", "/v1/desired", cordon)).status, 200);
  const peers: readonly NodeAddress[] = [{ ip: "127.0.0.1", libp2p: 4001, lane: 4002, heartbeat: 0 }];
  assert.equal((await command("PUT", "/v1/peers", json(peers))).status, 200);
  const grant = createGrant(genesis, owner, { peerId: node, notAfterMs: 0 });
  assert.deepEqual((await command("PUT", "/v1/grant", grant)).json, { granted: true, notAfterMs: 0 });
  assert.deepEqual(done, [
    ["desired", "cordoned"],
    ["peers", peers],
    ["grant", grant.length],
  ]);
});

test("statements that a node may be stopped are asked for until they are made", async () => {
  const ask = (): Promise<Answered> => command("POST", "/v1/safe-to-stop", json({ purpose: "removal" }));
  const early = await ask();
  assert.deepEqual([early.status, early.json], [202, { working: true }]);
  job = { kind: "done", bytes: Uint8Array.of(1, 2, 3) };
  assert.deepEqual((await ask()).json, { signed: "AQID" });
  assert.deepEqual((await command("POST", "/v1/stop-witness", Uint8Array.of(9, 9))).json, { signed: "AQID" });
  assert.deepEqual((await command("POST", "/v1/stop-witness?of=network", Uint8Array.of(9, 9, 9))).json, { signed: "AQID" });
  job = { kind: "failed", why: "the node is silent" };
  assert.equal((await ask()).status, 503);
  assert.equal((await command("POST", "/v1/stop-witness", new Uint8Array(2000))).status, 413);
  assert.equal((await command("POST", "/v1/safe-to-stop", json({ purpose: "fun" }))).status, 400);
  assert.deepEqual(done, [
    ["state", "removal"],
    ["state", "removal"],
    ["witness", 2],
    ["confirm", 3],
    ["state", "removal"],
  ]);
});

test("the inventory comes in pages, in order", async () => {
  const sorted = [...held].sort();
  const first = await command("GET", "/v1/inventory?limit=2", new Uint8Array());
  assert.deepEqual(first.json, { addresses: sorted.slice(0, 2), next: sorted[1] });
  const last = await command("GET", `/v1/inventory?limit=2&after=${sorted[1]}`, new Uint8Array());
  assert.deepEqual(last.json, { addresses: sorted.slice(2), next: null });
  assert.equal((await command("GET", "/v1/inventory?limit=0", new Uint8Array())).status, 400);
});

const refusals: readonly [name: string, code: AdminRefusalCode, status: number, change: Change][] = [
  ["of another key", "not-authorised", 403, { signer: owner }],
  ["of another network", "not-authorised", 403, { networkId: chunkAddress(Uint8Array.of(9)) }],
  ["for another node", "other-node", 421, { terms: { node: peerIdFromPublicKey(key(8).publicKey) as PeerId } }],
  ["that expired", "expired", 403, { terms: { notAfterMs: clock.wallMs() - 1 } }],
  ["from too far in the future", "expired", 403, { terms: { notAfterMs: clock.wallMs() + 60_000 } }],
  ["with another body", "mismatch", 403, { send: { body: json({ state: "offline" }) } }],
  ["with another path", "mismatch", 403, { send: { path: "/v1/desired?x" } }],
];
for (const [name, code, status, change] of refusals)
  test(`a command ${name} is refused: ${code}`, async () => {
    const answer = await command("PUT", "/v1/desired", cordon, change);
    assert.deepEqual([answer.status, answer.json["code"]], [status, code]);
    assert.deepEqual(done, []);
  });

test("an unsigned or garbled command is refused", async () => {
  assert.equal((await send("PUT", "/v1/desired", cordon, undefined)).json["code"], "unsigned");
  for (const header of ["x", "!!!!", "A".repeat(1500), Buffer.from("garbage").toString("base64url")])
    assert.equal((await send("PUT", "/v1/desired", cordon, header)).json["code"], "malformed", header.slice(0, 8));
  assert.deepEqual(done, []);
});

test("a replayed command is refused", async () => {
  const terms = { nonce: systemRandom.bytes(16) };
  assert.equal((await command("PUT", "/v1/desired", cordon, { terms })).status, 200);
  assert.deepEqual((await command("PUT", "/v1/desired", cordon, { terms })).json["code"], "replayed");
  assert.equal(done.length, 1);
});

test("a signed command that makes no sense gets a problem document", async () => {
  const wrong: readonly [string, string, Uint8Array, number][] = [
    ["PUT", "/v1/desired", json({ state: "joining" }), 400],
    ["PUT", "/v1/desired", Uint8Array.of(0xff, 0), 400],
    ["PUT", "/v1/peers", json([{ ip: "example.org", libp2p: 1, lane: 1, heartbeat: 1 }]), 400],
    ["PUT", "/v1/grant", Uint8Array.of(1, 2, 3), 422],
    ["PUT", "/v1/grant", createGrant(genesis, owner, { peerId: peerIdFromPublicKey(owner.publicKey), notAfterMs: 0 }), 422],
    ["PUT", "/v1/constructor", new Uint8Array(), 404],
    ["DELETE", "/v1/desired", new Uint8Array(), 404],
  ];
  for (const [method, path, body, status] of wrong) assert.equal((await command(method, path, body)).status, status, path);
  assert.deepEqual(done, []);
});

test("a body over 64 KiB is refused unread", async () => {
  assert.equal((await send("PUT", "/v1/peers", new Uint8Array(100_000), undefined)).status, 413);
});

test("garbage on the port harms nothing", async () => {
  for (let round = 0; round < 20; round++) {
    const socket = connect(server.port(), "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    socket.end(Buffer.from(systemRandom.bytes(1 + round * 200)));
    await once(socket, "close");
  }
  assert.equal((await command("PUT", "/v1/desired", cordon)).status, 200);
});

test("a certificate by the owner is taken in once; by others, out of place or outdone it is refused with the reason", async () => {
  const first: MembershipStatement = { sequence: 1, previous: genesis.networkId, joining: [node], leaving: [] };
  const put = (signer: SigningKey, statement: MembershipStatement): Promise<Answered> =>
    command("PUT", "/v1/certificate", signAsOwner(genesis, signer, statement).bytes);
  assert.equal((await put(key(9), first)).json["code"], "bad-certificate");
  assert.equal((await put(owner, { ...first, previous: chunkAddress(Uint8Array.of(9)) })).json["code"], "other-chain");
  assert.deepEqual((await put(owner, first)).json, { certificate: "fresh" });
  assert.deepEqual((await put(owner, first)).json, { certificate: "known" });
  assert.deepEqual([...book.head().confirmed], [node]);
  assert.equal((await command("PUT", "/v1/certificate", Uint8Array.of(1))).status, 422);
});
