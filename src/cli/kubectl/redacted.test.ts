// Proves that what might be a key does not get through: planted secrets of each kind, long digits anywhere in random text, and
// that what helps (names of Secrets, identities, hashes of 64 digits) stays. The functions alone.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { redacted, redactedLine, redactedLog, redactedText } from "./redacted.ts";

test("planted secrets are cut out of objects, and references to Secrets stay", () => {
  const planted = {
    password: "hunter-1",
    apiToken: ["hunter-2"],
    credentials: { user: "hunter-3", pin: 4711 },
    seed: [1, 222, 3],
    "owner.key": "hunter-4",
    env: [
      { name: "WALLET_SEED", value: "hunter-5" },
      { name: "ZONE", value: "za" },
    ],
    message: "at redis://me:hunter-6@redis with token=hunter-7&x=1, Authorization: Bearer hunter-8.abc",
    pem: "-----BEGIN EC PRIVATE KEY-----\nhunter-9\n-----END EC PRIVATE KEY-----",
    jwt: "eyJhbGciOiJub25lIn0.eyJodW50ZXIiOjEwfQ.c2ln",
  };
  const kept = {
    walletSecretRef: { name: "attic-wallet", key: "seed.txt" },
    imagePullSecrets: [{ name: "registry" }],
    publicKey: "ab".repeat(32),
    reason: "MissingSecret",
    automountServiceAccountToken: false,
    message: "the Secret attic-wallet is missing",
  };
  const text = JSON.stringify(redacted(planted));
  for (const secret of ["hunter", "4711", "222", "eyJ"]) assert.equal(text.includes(secret), false, `${secret} in ${text}`);
  assert.match(text, /"value":"za".*x=1/);
  assert.deepEqual(redacted(kept), kept);
});

test("no text keeps more than 64 hexadecimal digits in a row, wherever they stand", () => {
  const digit = fc.constantFrom(..."0123456789abcdefABCDEF");
  const long = fc.array(digit, { minLength: 65, maxLength: 300 }).map((digits) => digits.join(""));
  fc.assert(
    fc.property(fc.string(), long, fc.string(), (before, digits, after) => {
      assert.doesNotMatch(redactedText(`${before}${digits}${after}`), /[0-9a-f]{65}/i);
      assert.doesNotMatch(redactedLine(JSON.stringify({ [before]: `${digits}${after}`, [digits]: 1 })), /[0-9a-f]{65}/i);
    }),
    { seed: 1 },
  );
});

test("a key on several lines of a log is cut out, whole or the end or the beginning of it; other lines stay as they are", () => {
  const [begin, end] = ["-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"];
  const body = ["Proc-Type: 4,ENCRYPTED", "", `${"hunter".repeat(10)}+/`, "hunter=="];
  const log = (...lines: readonly string[]): readonly string[] => redactedLog(lines.join("\n"));
  for (const newline of ["\n", "\r\n"])
    assert.deepEqual(redactedLog(["a b", begin, ...body, end, "c d"].join(newline)), [`a b${newline.slice(0, -1)}`, "(cut out)", "c d"]);
  assert.deepEqual(log(...body.slice(2), end, "c d"), ["(cut out)", "c d"]);
  assert.deepEqual(log("a b", begin, ...body), ["a b", "(cut out)"]);
  assert.deepEqual(log(`key: ${begin} hunter`, '{"msg":"x"}', "word"), ["key: (cut out)", '{"msg":"x"}', "word"]);
});

test("a log line that is JSON loses its telling fields and stays JSON; one that is cut short loses what looks like a key", () => {
  assert.deepEqual(JSON.parse(redactedLine('{"msg":"logs in","token":"abc","n":1}')), { msg: "logs in", token: "(cut out)", n: 1 });
  assert.equal(redactedLine(`{"msg":"x","object":"${"ab".repeat(64)}`), `{"msg":"x","object":"${"ab".repeat(32)}(cut out)`);
});
