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
import type { Log } from "../runtime/log.ts";
import { silentLog } from "../runtime/log.ts";
import { seededRandom } from "../runtime/random.ts";
import { readConfig } from "./config.ts";
import { createPeersReader, GatewayFileError, openGatewayFiles } from "./gateway-files.ts";

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

const refuses = (settings: Partial<typeof config>, words: RegExp): Promise<void> =>
  assert.rejects(
    openGatewayFiles({ ...config, ...settings }, random),
    (error) => error instanceof GatewayFileError && words.test(error.message),
  );

test("each file of no use is named by its setting and path, and nothing of its content is told", async () => {
  const secret = "5ec2e7";
  await refuses({ genesisFile: join(folder, "absent") }, /^VAULTFARM_GENESIS_FILE: there is no file .*absent$/);
  await refuses({ genesisFile: folder }, /^VAULTFARM_GENESIS_FILE: .* cannot be read$/);
  await refuses({ genesisFile: file("cut", genesis.bytes.subarray(0, -1)) }, /^VAULTFARM_GENESIS_FILE: .*cut is no genesis record/);
  for (const wrong of ["", secret, `${"0".repeat(58)}${secret}Z`, `${"0".repeat(60)}${secret}`, "A".repeat(64)])
    await refuses(
      { networkKeyFile: file("network.key", wrong) },
      /^VAULTFARM_NETWORK_KEY_FILE: expected 64 lower-case hexadecimal digits in [^ ]*network\.key$/,
    );
  for (const wrong of ["", `http://:${secret}@redis:6379`, "redis:", `redis//:${secret}@redis`])
    await refuses(
      { redisUrlFile: file("redis", wrong) },
      /^VAULTFARM_REDIS_URL_FILE: expected a URL that begins with redis:\/\/ or rediss:\/\/ in [^ ]*redis$/,
    );
  const { redisUrl, networkKey } = await openGatewayFiles(
    {
      ...config,
      redisUrlFile: file("redis", `rediss://:${secret}@redis:6379/1\n`),
      networkKeyFile: file("network.key", `${"ab".repeat(32)}\n`),
    },
    random,
  );
  assert.deepEqual([redisUrl, networkKey], [`rediss://:${secret}@redis:6379/1`, new Uint8Array(32).fill(0xab)]);
});

test("a damaged identity is named and never replaced: whoever removes it decides that", async () => {
  const dataDir = mkdtempSync(join(folder, "damaged-"));
  writeFileSync(join(dataDir, "identity.seed"), "half a key");
  await refuses({ dataDir }, /identity\.seed holds no key; remove it, and the gateway gets a new identity/);
  await refuses({ dataDir }, /identity\.seed holds no key/);
});

test("first peers are read anew each time; of no use there are none, and that is said once until it is mended", () => {
  const said: string[] = [];
  const log: Log = { ...silentLog, warn: (sentence: string) => void said.push(sentence) };
  const path = join(folder, "peers.json");
  const read = createPeersReader(path, log);
  const peer = { ip: "10.0.0.1", libp2p: 4001, lane: 4002, heartbeat: 4003 };
  assert.deepEqual([read(), read(), said.length], [[], [], 1], "not written yet");
  file("peers.json", JSON.stringify([peer]));
  assert.deepEqual([read(), said.length], [[peer], 1]);
  const wrong = [
    "",
    "[",
    "{}",
    '[{"ip": "farm.example.org"}]',
    JSON.stringify([{ ...peer, ip: "farm.example.org" }]),
    JSON.stringify(Array(4097).fill(peer)),
  ];
  for (const text of wrong) {
    file("peers.json", text);
    assert.deepEqual(read(), [], text.slice(0, 40));
  }
  assert.equal(said.length, 2);
  assert.deepEqual(createPeersReader(undefined, log)(), [], "a gateway without that setting");
});
