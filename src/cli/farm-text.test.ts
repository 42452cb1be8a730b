// Proves that what `up` says once all is ready is what the README shows, and that `status` lines up and names what is down.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readyText, statusText } from "./farm-text.ts";
import type { FarmGlance, NodeLine } from "./local-farm/farm-view.ts";

const vault = { name: "v", state: "active", capacity: 512 * 2 ** 20, used: 0, chunks: 0 };
const node = (i: number): NodeLine => ({
  peerId: `12D3Koo${i}`,
  pid: 100 + i,
  state: "ready",
  admin: "http://127.0.0.1:1",
  zone: "",
  vaults: [vault, vault, vault],
});
const urls = ["http://127.0.0.1:8080", "http://127.0.0.1:43127"];
const glance: FarmGlance = {
  view: { farm: "attic", gateways: urls.map((url, i) => ({ url, pid: 90 + i })), nodes: Array.from({ length: 8 }, (_, i) => node(i)) },
  runBy: 80,
  gatewaysReady: 2,
};

test("the greeting is the one the README shows", () => {
  const readme = readFileSync("README.md", "utf8");
  assert.ok(readme.includes(readyText(glance, ".vaultfarm/attic")), readyText(glance, ".vaultfarm/attic"));
});

test("status is a table in which a dead node stands as down", () => {
  const dead: NodeLine = { ...node(7), pid: null, state: "down", vaults: [] };
  const text = statusText({ ...glance, view: { ...glance.view, nodes: [...glance.view.nodes.slice(0, 7), dead] } }, ".vaultfarm/attic");
  assert.match(text, /^attic is run by process 80: 7 of 8 nodes, 21 vaults, 10\.5 GiB declared\n/);
  assert.match(text, /\n {2}12D3Koo0 {2}100 {6}ready {2}- {5}3 {7}0 B {3}0\n/);
  assert.match(text, /\n {2}12D3Koo7 {2}- {8}down {3}- {5}0 {7}0 B {3}0$/);
});
