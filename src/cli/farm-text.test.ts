// Proves that what `up` says once all is ready is what the README shows, and that `status` lines up, fits the terminal,
// names what is down and says the whole farm's size also while it does not run.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { leavingLines, readyText, statusText } from "./farm-text.ts";
import { type FarmGlance, type NodeLine, suspicionsOf, type VaultLine } from "./local-farm/farm-view.ts";

const vault: VaultLine = { name: "v", state: "active", capacity: 512 * 2 ** 20, used: 0, chunks: 0, score: 0.03, standing: "good", age: 0 };
const node = (i: number): NodeLine => ({
  name: `attic-node${i}`,
  peerId: `12D3Koo${String(i).repeat(45)}`,
  pid: 100 + i,
  state: "ready",
  admin: "http://127.0.0.1:1",
  zone: "",
  seenAs: "live",
  suspectedBy: 0,
  causes: {},
  faults: null,
  vaults: [vault, vault, vault],
});
const urls = ["http://127.0.0.1:8080", "http://127.0.0.1:43127"];
const glance: FarmGlance = {
  view: {
    farm: "attic",
    gateways: urls.map((url, i) => ({ name: `attic-gate${i}`, url, pid: 90 + i })),
    nodes: Array.from({ length: 8 }, (_, i) => node(i)),
    copies: null,
    plan: [],
  },
  declared: { vaults: 24, bytes: 24 * vault.capacity },
  runBy: { pid: 80, startTime: "1" },
};
const place = { dataFolder: "d", nowMs: 1_000_000 };
const dead: NodeLine = { ...node(7), pid: null, state: "down", vaults: [] };
const withDead = { ...glance, view: { ...glance.view, nodes: [...glance.view.nodes.slice(0, 7), dead] } };

test("the greeting is the one the README shows", () => {
  const readme = readFileSync("README.md", "utf8");
  assert.ok(readme.includes(readyText(glance, ".vaultfarm/attic")), readyText(glance, ".vaultfarm/attic"));
});

test("status is a table in which a dead node stands as down", () => {
  const text = statusText(withDead, { ...place, dataFolder: ".vaultfarm/attic" });
  assert.match(text, /^attic is run by process 80: 7 of 8 nodes, 24 vaults, 12 GiB declared\n/);
  assert.match(text, /\n {2}attic-node0 {2}100 {6}ready {2}3 {7}0 B {3}0 {7}0.03 good {2}12D3Koo0{45}\n/);
  assert.match(text, /\n {2}attic-node7 {2}- {8}down {3}- {7}- {5}- {7}- {10}12D3Koo7{45}$/);
});

test("zones have a column where there are any", () => {
  const zoned = { ...glance, view: { ...glance.view, nodes: [{ ...node(0), zone: "north" }, node(1)] } };
  assert.match(statusText(zoned, place), /STATE {2}ZONE {3}VAULTS.*\n.*ready {2}north {2}3.*\n.*ready {2}- {6}3/);
});

test("a node's scores stand in its line, from the lowest to the highest, with the standing of the worst; nowhere while none is known", () => {
  const vaults: readonly VaultLine[] = [
    { ...vault, score: 0.25, standing: "slower" },
    { ...vault, score: 0.5, standing: "good" },
    { ...vault, score: null, standing: null },
  ];
  const text = statusText({ ...glance, view: { ...glance.view, nodes: [{ ...node(0), vaults }, node(1)] } }, place);
  assert.match(text, /CHUNKS {2}SCORE {13}PEER ID\n.* {2}0\.25-0\.50 slower {2}12D3.*\n.* {2}0\.03 good {9}12D3/);
  const unknown = [{ ...vault, score: null, standing: null }];
  assert.doesNotMatch(statusText({ ...glance, view: { ...glance.view, nodes: [{ ...node(0), vaults: unknown }] } }, place), /SCORE/);
});

test("the wide form adds a line for each vault, and what nodes counted against others", () => {
  const poor: NodeLine = {
    ...node(1),
    vaults: [{ ...vault, name: "abcdef0123", used: 2 ** 20, chunks: 7, score: 0.4, standing: "distrusted", age: 3 }],
    faults: { byNodes: 2, counts: { late: 1, "wrong-bytes": 3 } },
  };
  const view = { ...glance.view, nodes: [node(0), poor] };
  const wide = statusText({ ...glance, view }, { ...place, wide: true });
  assert.match(wide, /\n {2}abcdef01 {2}attic-node1 {2}active {2}1 MiB of 512 MiB {2}7 {7}0\.40 {3}distrusted {2}3\n/);
  assert.match(wide, /\n {2}NODE {9}COUNTED BY {2}FAULTS\n {2}attic-node1 {2}2 {11}3 wrong-bytes, 1 late$/);
  assert.doesNotMatch(statusText({ ...glance, view }, place), /wrong-bytes/);
  assert.match(statusText(glance, { ...place, wide: true }), /no node counted a fault of another$/);
});

test("on a narrow terminal ids are shortened to what the page shows of them", () => {
  const text = statusText(glance, { ...place, lineMax: 80 });
  assert.match(text, /0 {7}0.03 good {2}…000000\n/);
  assert.ok(text.split("\n").every((line) => line.length <= 80));
});

test("a farm that does not run, and one that is being stopped, say so", () => {
  assert.match(statusText({ ...withDead, runBy: undefined }, place), /^attic does not run \(start it with: vaultfarm up\): /);
  const stopping = { pid: 80, startTime: "1", stopping: true } as const;
  assert.match(statusText({ ...glance, runBy: stopping }, place), /^attic is being stopped by process 80: /);
});

test("copies: what is missing, made again and waited for, who is suspected, which vaults stand badly; nothing else", () => {
  const rest = { chunks: 0, bytesLeft: 0, etaMs: 0, waiting: 0, dueAtMs: null };
  const copies = {
    policy: { min: 4, target: 5, max: 8 },
    lowest: 5,
    belowMin: 0,
    belowTarget: 0,
    histogram: [0, 0, 0, 0, 0, 9],
    reporting: { nodes: 8, of: 8 },
    repair: rest,
  };
  const linesOf = (change: Partial<FarmGlance["view"]>): readonly string[] =>
    statusText({ ...glance, view: { ...glance.view, ...change } }, place)
      .split("\n")
      .filter((line) => /^ {2}(copies|spare {2}|spread {1}|healing|doubts| {8}) {2}(?!http)/.test(line));
  assert.deepEqual(linesOf({}), []);
  assert.deepEqual(linesOf({ copies }), ["  copies    every chunk has 5 live copies: 9 chunks"]);
  assert.deepEqual(linesOf({ copies, nodes: [node(0), node(1), node(2), node(3), dead] }), [
    "  copies    every chunk has 5 live copies: 9 chunks",
    "  spare     no node: if one more goes, nothing can be stored until it returns",
  ]);
  const text = "up to 4 of the 5 copies of a chunk share a zone";
  assert.deepEqual(linesOf({ copies: { ...copies, spread: { short: "zones", text } } }).at(-1), `  spread    ${text}`);
  const repair = { chunks: 3, bytesLeft: 3 * 2 ** 20, etaMs: 11_500, waiting: 2, dueAtMs: 1_260_000 };
  const missing = {
    ...copies,
    lowest: 3,
    belowMin: 1,
    belowTarget: 5,
    histogram: [0, 0, 0, 1, 4, 20],
    reporting: { nodes: 6, of: 7 },
    repair,
  };
  const doubtful: NodeLine = {
    ...node(1),
    suspectedBy: 6,
    causes: { closed: 2, silent: 5 },
    vaults: [{ ...vault, name: "abcdef0123", score: 0.4, standing: "distrusted" }],
  };
  assert.deepEqual(linesOf({ copies: missing, nodes: [doubtful, { ...node(2), seenAs: "away" }] }), [
    "  copies    5 chunks below target (5), 1 of them below 4, the fewest 3 (6 of 7 nodes have counted so far)",
    "            by live copies: 3: 1 chunk, 4: 4 chunks, 5 or more: 20 chunks",
    "  healing   3 chunks, 3 MiB, about 12 s left",
    "            2 chunks will be copied again in 4 min 20 s unless the silent node returns",
    "  doubts    attic-node1 is suspected by 6 nodes (5 silent, 2 closed)",
    "            vault abcdef01 of attic-node1 is distrusted (score 0.40)",
    "            attic-node2 said it is away",
  ]);
});

test("status says who is confirmed, and every answer where a farm that is cut in two gives several", () => {
  const figures = {
    sequence: 1,
    head: "",
    confirmed: 8,
    needed: 5,
    isConfirmed: true,
    group: { holders: 8, writes: 6, liars: 2, losses: 2 },
  };
  const whole = { ...figures, state: "whole", reachable: 8, text: "8 of 8 confirmed nodes reachable" } as const;
  const cut = { ...figures, state: "partitioned", reachable: 4, text: "partitioned (4 of 8 reachable, 5 needed)" } as const;
  const textWith = (...said: readonly NonNullable<NodeLine["membership"]>[]): string => {
    const nodes = glance.view.nodes.map((line, i) => ({ ...line, membership: said[i % said.length] ?? whole }));
    return statusText({ ...glance, view: { ...glance.view, nodes } }, place);
  };
  assert.match(textWith(whole), /\n {2}members {3}8 of 8 confirmed nodes reachable\n/);
  assert.match(textWith(whole, cut), /\n {2}members {3}8 of 8 .*reachable; partitioned \(4 of 8 reachable, 5 needed\)\n/);
  assert.doesNotMatch(statusText(glance, place), /members/);
});

test("a node that leaves is named with what it waits for; where none leaves nothing is said", () => {
  assert.ok(!statusText(glance, place).includes("leaving"));
  const plan = [{ action: "prove-node", node: "attic-node7", why: "12 of 40 chunks would have too few copies", waiting: false }];
  assert.match(
    statusText({ ...glance, view: { ...glance.view, plan } }, place),
    /^ {2}leaving {3}attic-node7: 12 of 40 chunks would have too few copies$/m,
  );
});

test("of several steps on a node that leaves the last is told, which says what is waited for", () => {
  const step = { action: "command-node", node: "a", why: "it is one too many", waiting: false };
  const other = { action: "stop-node", node: "b", why: "it may go", waiting: false };
  const wait = { action: "wait", node: "a", why: "it is one too many; first it is told that it is draining", waiting: true };
  assert.deepEqual(leavingLines([step, other, wait]), [`a: ${wait.why}`, "b: it may go"]);
});

test("as many nodes are said to suspect one as causes are told, whatever a gateway knew before", () => {
  const suspects = (["closed", "closed", "silent"] as const).map((cause) => ({ peerId: "p", cause, confirmed: false }));
  assert.deepEqual(suspicionsOf(suspects, 1), { suspectedBy: 3, causes: { closed: 2, silent: 1 } });
  assert.deepEqual(suspicionsOf([], 1), { suspectedBy: 1, causes: {} });
});
