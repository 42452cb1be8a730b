// Proves that the command line stores and reads through a gateway, and that every failure has its exit code, its sentence
// and leaves nothing half: the real commands against a real HTTP server that can be told to misbehave.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, beforeEach, test } from "node:test";
import { type Ended, runInProcess } from "./command-fixture.ts";
import type { CommandWorld } from "./command-world.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const folder = mkdtempSync(join(tmpdir(), "command-line-"));
const address = "ab".repeat(64);
const content = Buffer.from("what was stored ".repeat(10_000));
let handler: Handler = (_request, response) => response.end();
const server = createServer((request, response) => handler(request, response));
let gateway = "";

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(join(folder, "file"), content);
});

const vaultfarm = (args: readonly string[], change: Partial<CommandWorld> = {}): Promise<Ended> => runInProcess(args, folder, change);
const problem =
  (status: number, code: string, detail: string): Handler =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify({ status, code, detail }));
  };
const result = { address, bytes: content.length, chunks: 1, copies: { min: 4, max: 5 } };

// Keeps what it is sent and answers as a gateway does.
function storing(kept: { url?: string; bytes?: Buffer; length?: string }): Handler {
  return async (request, response) => {
    kept.url = request.url ?? "";
    kept.length = request.headers["content-length"] ?? "";
    kept.bytes = Buffer.concat(await request.toArray());
    response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({ ...result, bytes: kept.bytes.length }));
  };
}

test("put sends the file as it is and prints the address alone; --json prints the whole answer", async () => {
  const kept: { url?: string; bytes?: Buffer; length?: string } = {};
  handler = storing(kept);
  const plain = await vaultfarm(["put", "file", "--gateway", gateway]);
  assert.deepEqual([plain.code, plain.out.toString()], [exitCodes.done, `${address}\n`]);
  assert.match(plain.err, /on 4 nodes or more; the address is the only key/);
  assert.deepEqual([kept.url, kept.length, kept.bytes?.equals(content)], ["/v1/objects", String(content.length), true]);
  const json = await vaultfarm(["put", "file", "--public", "--json", "--gateway", gateway]);
  assert.deepEqual(JSON.parse(json.out.toString()), result);
  assert.deepEqual([kept.url, json.err], ["/v1/objects?public", ""]);
});

test("put takes standard input", async () => {
  const kept: { bytes?: Buffer; length?: string } = {};
  handler = storing(kept);
  const ended = await vaultfarm(["put", "-", "--gateway", gateway], { input: Readable.from([content, content]) });
  assert.deepEqual([ended.code, kept.bytes?.length, kept.length], [exitCodes.done, 2 * content.length, ""]);
});

test("put refuses what it cannot store, in words", async () => {
  mkdirSync(join(folder, "holiday"));
  writeFileSync(join(folder, "nothing"), "");
  const cases: readonly (readonly [string, ExitCode, RegExp])[] = [
    ["absent", exitCodes.notFound, /absent: there is no such file/],
    ["holiday", exitCodes.usage, /holiday is a folder.*tar c holiday/],
    ["nothing", exitCodes.usage, /nothing is empty/],
  ];
  for (const [file, code, sentence] of cases) {
    const ended = await vaultfarm(["put", file, "--gateway", gateway]);
    assert.equal(ended.code, code);
    assert.match(ended.err, sentence);
  }
});

test("what the gateway refuses is passed on with its own words and an exit code", async () => {
  const cases: readonly (readonly [number, string, ExitCode])[] = [
    [503, "insufficient-copies", exitCodes.refused],
    [507, "farm-full", exitCodes.refused],
    [429, "quota", exitCodes.refused],
    [403, "writes-off", exitCodes.refused],
    [403, "wrong-key", exitCodes.notFound],
    [413, "too-large", exitCodes.refused],
    [400, "empty", exitCodes.usage],
    [500, "internal", exitCodes.failed],
  ];
  for (const [status, word, code] of cases) {
    handler = problem(status, word, "this is why");
    const ended = await vaultfarm(["put", "file", "--json", "--gateway", gateway]);
    assert.equal(ended.code, code, word);
    assert.deepEqual(JSON.parse(ended.err), { error: { code: word, message: "this is why" } });
  }
});

test("an upload that is refused before it ends is refused in the gateway's words; one that is cut says so", async () => {
  writeFileSync(join(folder, "large"), Buffer.alloc(32 * 2 ** 20));
  handler = problem(507, "farm-full", "the farm is full");
  const refused = await vaultfarm(["put", "large", "--gateway", gateway]);
  assert.deepEqual([refused.code, refused.err], [exitCodes.refused, "vaultfarm: the farm is full\n"]);
  handler = (request) => request.once("data", () => request.destroy());
  const cut = await vaultfarm(["put", "large", "--gateway", gateway]);
  assert.equal(cut.code, exitCodes.unreachable);
  assert.match(cut.err, /the gateway .* closed the connection in the middle/);
});

test("an address is read as it was copied: with capital letters or a line's end; what is none is named", async () => {
  const asked: (string | undefined)[] = [];
  handler = (request, response) => {
    asked.push(request.url);
    response.writeHead(200, { "content-length": content.length }).end(content);
  };
  const ended = await vaultfarm(["get", `${address.toUpperCase()}\n`, "--gateway", gateway]);
  assert.deepEqual([ended.code, asked], [exitCodes.done, [`/v1/objects/${address}`]]);
  const none = await vaultfarm(["get", "z".repeat(64), "--gateway", gateway]);
  assert.deepEqual([none.code, /got 64 characters, some of which are none/.test(none.err)], [exitCodes.usage, true]);
});

test("a file that is not there is told before a farm is looked for, and a farm that is not there with those that are", async () => {
  const file = await vaultfarm(["put", "absent"]);
  assert.deepEqual([file.code, file.err], [exitCodes.notFound, "vaultfarm: absent: there is no such file\n"]);
  const farm = await vaultfarm(["put", "file"]);
  assert.match(farm.err, /there is no farm in .*; make one with: vaultfarm up/);
});

test("what is wrong with a command's arguments names that command's help", async () => {
  const { code, err } = await vaultfarm(["scale", "many"]);
  assert.deepEqual([code, err.endsWith("(see: vaultfarm scale --help)\n")], [exitCodes.usage, true]);
});

test("get writes the file, or to standard output", async () => {
  handler = (_request, response) => response.writeHead(200, { "content-length": content.length }).end(content);
  const file = await vaultfarm(["get", address, "-o", "back", "--gateway", gateway]);
  assert.deepEqual([file.code, readFileSync(join(folder, "back")).equals(content)], [exitCodes.done, true]);
  const piped = await vaultfarm(["get", address, "--gateway", gateway]);
  assert.ok(piped.code === exitCodes.done && piped.out.equals(content));
});

test("get names what is wrong with the file it shall write, before or after the bytes come, and leaves nothing", async () => {
  handler = (_request, response) => response.writeHead(200, { "content-length": content.length }).end(content);
  mkdirSync(join(folder, "holiday"));
  const into = async (path: string): Promise<Ended> => vaultfarm(["get", address, "-o", path, "--gateway", gateway]);
  const inFolder = await into("holiday");
  assert.deepEqual(
    [inFolder.code, inFolder.err],
    [exitCodes.usage, "vaultfarm: holiday is a folder; name the file to write: -o holiday/FILE\n"],
  );
  const nowhere = await into("absent/back");
  assert.equal(nowhere.code, exitCodes.notFound);
  assert.match(nowhere.err, /^vaultfarm: nothing was written: .*\/absent: there is no such file or folder\n$/);
  assert.deepEqual(readdirSync(folder).toSorted(), ["file", "holiday"]);
});

test("get puts no file in the place of what is none, such as a device or a pipe", async (context) => {
  handler = (_request, response) => response.writeHead(200, { "content-length": content.length }).end(content);
  const path = join(folder, "pipe");
  const pipe = createSocketServer().listen(path);
  await once(pipe, "listening");
  context.after(() => pipe.close());
  const ended = await vaultfarm(["get", address, "-o", "pipe", "--gateway", gateway]);
  assert.deepEqual([statSync(path).isSocket(), ended.code], [true, exitCodes.usage]);
  assert.match(ended.err, /^vaultfarm: pipe is no file; without -o the bytes go to the standard output/);
});

test("a gateway below a path of its host is reached there, whether the path ends in a slash or not", async () => {
  const asked: (string | undefined)[] = [];
  handler = (request, response) => {
    asked.push(request.url);
    response.writeHead(200, { "content-length": content.length }).end(content);
  };
  for (const path of ["", "/", "/farm", "/farm/"]) await vaultfarm(["get", address, "--gateway", `${gateway}${path}`]);
  const [plain, below] = [`/v1/objects/${address}`, `/farm/v1/objects/${address}`];
  assert.deepEqual(asked, [plain, plain, below, below]);
});

test("put whose answer is cut, or is no gateway's, says that nobody knows what is stored", async () => {
  const answers: readonly ((response: ServerResponse) => unknown)[] = [
    (response) => response.writeHead(201, { "content-length": 999 }).write('{"address":', () => response.destroy()),
    (response) => response.writeHead(200).end("<html>welcome</html>"),
    (response) => response.writeHead(200).end("{}"),
  ];
  for (const answer of answers) {
    handler = (request, response) => void request.resume().once("end", () => answer(response));
    const { code, out, err } = await vaultfarm(["put", "file", "--gateway", gateway]);
    assert.deepEqual([code, out.toString()], [exitCodes.unreachable, ""], err);
    assert.match(err, /^vaultfarm: the answer of http:.* no address.*put it again\n$/);
  }
});

test("put stores a file that grows as it was at first, and says so; of one that becomes shorter nothing", async () => {
  const large = join(folder, "large");
  const whole = Buffer.alloc(32 * 2 ** 20, 1);
  writeFileSync(large, whole);
  const kept: { bytes?: Buffer } = {};
  const faults: unknown[] = [];
  const onFault = (error: Error): unknown => faults.push(error);
  server.on("clientError", onFault);
  handler = (request, response) => {
    appendFileSync(large, "more");
    storing(kept)(request, response);
  };
  const grown = await vaultfarm(["put", "large", "--gateway", gateway]);
  server.off("clientError", onFault);
  assert.deepEqual([grown.code, kept.bytes?.equals(whole), faults], [exitCodes.done, true, []]);
  assert.match(grown.err, /^large changed while it was sent: stored is what it was at first, 33554432 bytes\n/);
  handler = (request) => {
    truncateSync(large, 1000);
    request.resume();
  };
  const shorter = await vaultfarm(["put", "large", "--gateway", gateway]);
  assert.equal(shorter.code, exitCodes.notFound);
  assert.match(shorter.err, /^vaultfarm: large became shorter while it was sent \(\d+ of 33554436 bytes\): nothing is stored; /);
});

test("put names a file that cannot be read to its end, and does not blame the gateway", async () => {
  handler = storing({});
  const input = Readable.from(failing());
  const ended = await vaultfarm(["put", "-", "--gateway", gateway], { input });
  assert.deepEqual([ended.code, ended.err], [exitCodes.notFound, "vaultfarm: EIO: i/o error, read\n"]);
});

async function* failing(): AsyncGenerator<Buffer> {
  yield content;
  throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO", syscall: "read" });
}

test("get that is cut leaves nothing, and what was there before stays", async () => {
  writeFileSync(join(folder, "back"), "before");
  handler = (_request, response) => {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, 1000), () => response.destroy());
  };
  const ended = await vaultfarm(["get", address, "-o", "back", "--gateway", gateway]);
  assert.equal(ended.code, exitCodes.damaged);
  assert.match(ended.err, /only 1000 of 160000 bytes came/);
  assert.deepEqual(readdirSync(folder).toSorted(), ["back", "file"]);
  assert.equal(readFileSync(join(folder, "back"), "utf8"), "before");
});

test("get refuses what is no address, a terminal, and says when there is no such object", async () => {
  handler = problem(404, "not-found", "no node has it");
  assert.equal((await vaultfarm(["get", "xyz", "--gateway", gateway])).code, exitCodes.usage);
  assert.equal((await vaultfarm(["get", address, "--gateway", gateway], { outIsTerminal: true })).code, exitCodes.usage);
  assert.equal((await vaultfarm(["get", address, "-o", "back", "--gateway", gateway])).code, exitCodes.notFound);
  assert.equal(existsSync(join(folder, "back")), false);
});

test("no gateway, a wrong one, no farm: each with its next step", async () => {
  const cases: readonly (readonly [readonly string[], ExitCode, RegExp])[] = [
    [["get", address, "--gateway", "http://127.0.0.1:1"], exitCodes.unreachable, /does not answer .*vaultfarm status/],
    [["get", address, "--gateway", "ftp://x"], exitCodes.usage, /--gateway: expected an address such as/],
    [["get", address], exitCodes.notFound, /there is no farm in .*vaultfarm up/],
    [["status", "-n", "attic"], exitCodes.notFound, /there is no farm "attic" in/],
    [["down"], exitCodes.notFound, /there is no farm in/],
    [["up", "-f", "absent.yaml"], exitCodes.notFound, /the manifest cannot be read/],
    [["up", "-f", "file"], exitCodes.usage, /file is not a farm yet:\n {2}the manifest: expected a VaultFarm/],
    [["up", "--port", "99999"], exitCodes.usage, /expected a port from 1 to 65535/],
    [["frobnicate"], exitCodes.usage, /unknown command/],
  ];
  for (const [args, code, sentence] of cases) {
    const ended = await vaultfarm(args);
    assert.equal(ended.code, code, args.join(" "));
    assert.match(ended.err, sentence);
  }
});

test("with --json wrong arguments are one line of JSON too", async () => {
  for (const args of [
    ["put", "--json"],
    ["frobnicate", "--json"],
    ["up", "--port", "0", "--json"],
    ["status", "--frobnicate", "-o", "json"],
  ]) {
    const { code, out, err } = await vaultfarm(args);
    assert.deepEqual([code, out.toString(), JSON.parse(err).error.code], [exitCodes.usage, "", "usage"], args.join(" "));
  }
});

test("Ctrl-C ends a transfer with its own code", async () => {
  const interruption = new AbortController();
  handler = (_request, response) => {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, 10), () => interruption.abort(new Error("SIGINT")));
  };
  const ended = await vaultfarm(["get", address, "-o", "back", "--gateway", gateway], { interrupted: interruption.signal });
  assert.equal(ended.code, exitCodes.interrupted);
  assert.deepEqual(readdirSync(folder), ["file"]);
});

test("help and version end well", async () => {
  assert.deepEqual(
    [(await vaultfarm(["--version"])).out.toString(), (await vaultfarm(["up", "--help"])).code],
    ["1.2.3\n", exitCodes.done],
  );
});
