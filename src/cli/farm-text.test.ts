// Proves that what `up` says once all is ready is what the README shows, and that `status` lines up, fits the terminal,
// names what is down and says the whole farm's size also while it does not run.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readyText, statusText } from "./farm-text.ts";
import type { FarmGlance, NodeLine } from "./local-farm/farm-view.ts";

const vault = { name: "v", state: "active", capacity: 512 * 2 ** 20, used: 0, chunks: 0 };
const node = (i: number): NodeLine => ({
  name: `attic-node${i}`,
  peerId: `12D3Koo${String(i).repeat(45)}`,
  pid: 100 + i,
  state: "ready",
  admin: "http://127.0.0.1:1",
  zone: "",
  vaults: [vault, vault, vault],
});
const urls = ["http://127.0.0.1:8080", "http://127.0.0.1:43127"];
const glance: FarmGlance = {
  view: {
    farm: "attic",
    gateways: urls.map((url, i) => ({ name: `attic-gate${i}`, url, pid: 90 + i })),
    nodes: Array.from({ length: 8 }, (_, i) => node(i)),
  },
  declared: { vaults: 24, bytes: 24 * vault.capacity },
  runBy: { pid: 80, startTime: "1" },
};
const dead: NodeLine = { ...node(7), pid: null, state: "down", vaults: [] };
const withDead = { ...glance, view: { ...glance.view, nodes: [...glance.view.nodes.slice(0, 7), dead] } };

test("the greeting is the one the README shows", () => {
  const readme = readFileSync("README.md", "utf8");
  assert.ok(readme.includes(readyText(glance, ".vaultfarm/attic")), readyText(glance, ".vaultfarm/attic"));
});

test("status is a table in which a dead node stands as down", () => {
  const text = statusText(withDead, ".vaultfarm/attic");
  assert.match(text, /^attic is run by process 80: 7 of 8 nodes, 24 vaults, 12 GiB declared\n/);
  assert.match(text, /\n {2}attic-node0 {2}100 {6}ready {2}3 {7}0 B {3}0 {7}12D3Koo0{45}\n/);
  assert.match(text, /\n {2}attic-node7 {2}- {8}down {3}- {7}- {5}- {7}12D3Koo7{45}$/);
});

test("zones have a column where there are any", () => {
  const zoned = { ...glance, view: { ...glance.view, nodes: [{ ...node(0), zone: "north" }, node(1)] } };
  assert.match(statusText(zoned, "d"), /STATE {2}ZONE {3}VAULTS.*\n.*ready {2}north {2}3.*\n.*ready {2}- {6}3/);
});

test("on a narrow terminal ids are shortened to what the page shows of them", () => {
  const text = statusText(glance, "d", 80);
  assert.match(text, /0 {7}…000000\n/);
  assert.ok(text.split("\n").every((line) => line.length <= 80));
});

test("a farm that does not run, and one that is being stopped, say so", () => {
  assert.match(statusText({ ...withDead, runBy: undefined }, "d"), /^attic does not run \(start it with: vaultfarm up\): /);
  const stopping = { pid: 80, startTime: "1", stopping: true } as const;
  assert.match(statusText({ ...glance, runBy: stopping }, "d"), /^attic is being stopped by process 80: /);
});
