// Proves what a gateway makes of its files: an identity of its own that stays, the owner's grant as it lies there, or the
// right to store that it passes on to itself with a granted key; and that files of no use are named.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { toHex } from "../protocol/bytes.ts";
import { createGenesis } from "../protocol/genesis.ts";
import { checkGrant, checkPutGrant, createGrant } from "../protocol/grant.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { seededRandom } from "../runtime/random.ts";
import { readConfig } from "./config.ts";
import { GatewayFileError, openGatewayFiles } from "./gateway-files.ts";

const folder = mkdtempSync(join(tmpdir(), "gateway-files-"));
after(() => rmSync(folder, { recursive: true }));
const random = seededRandom(1);
const owner = signingKeyFromSeed(random.bytes(32));
const genesis = createGenesis({ name: "attic", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 1 }, owner);
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const config = readConfig({ VAULTFARM_DATA_DIR: join(folder, "data"), VAULTFARM_GENESIS_FILE: file("genesis", genesis.bytes) });
const peerOf = (seed: Uint8Array) => peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey);

test("without a grant it has none; its identity stays", async () => {
  const files = await openGatewayFiles(config, random);
  assert.equal(files.grant, undefined);
  assert.deepEqual((await openGatewayFiles(config, random)).seed, files.seed);
});

test("the owner's grant in its folder is shown as it is", async () => {
  const { seed } = await openGatewayFiles(config, random);
  const grant = createGrant(genesis, owner, { peerId: peerOf(seed), notAfterMs: 0 });
  file("data/grant", grant);
  assert.deepEqual((await openGatewayFiles(config, random)).grant, new Uint8Array(grant));
});

test("with a granted key it passes the right to store on to itself, and to nobody's membership", async () => {
  const proxySeed = random.bytes(32);
  const grantDir = mkdtempSync(join(folder, "grant-"));
  const shared = { ...config, grantDir };
  await assert.rejects(openGatewayFiles(shared, random), GatewayFileError);
  writeFileSync(join(grantDir, "grant.seed"), `${toHex(proxySeed)}\n`);
  await assert.rejects(openGatewayFiles(shared, random), /holds no key/);
  writeFileSync(join(grantDir, "grant"), createGrant(genesis, owner, { peerId: peerOf(proxySeed), notAfterMs: 0 }));
  const { grant, seed } = await openGatewayFiles(shared, random);
  assert.ok(grant !== undefined && checkPutGrant(genesis, grant, peerOf(seed), 0).ok);
  assert.equal(checkGrant(genesis, grant, peerOf(seed), 0).ok, false);
});
