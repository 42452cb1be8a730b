// Proves that an operator brings the kinds up to its version, leaves those that a newer one brought, and does its work where it may
// not read or write them. Method: an API server in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMemoryKube, forbidden, type MemoryKube } from "../../../test/support/operator/memory-kube.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { KubeObject } from "../kube/index.ts";
import { annotations } from "../manifests/names.ts";
import { definitions, ensureKinds } from "./ensure-kinds.ts";

const name = "vaultfarms.vaultfarm.dev";
const shown = async ({ client }: MemoryKube): Promise<KubeObject | undefined> => {
  const read = await client.get(definitions, { name });
  return read.ok ? read.value : undefined;
};
const versionOf = async (kube: MemoryKube): Promise<string | undefined> => (await shown(kube))?.metadata.annotations?.[annotations.version];

test("the kinds are those of the newest operator that ever led, however often an older one starts again", async () => {
  const kube = createMemoryKube(createVirtualClock());
  for (const [version, after] of [
    ["0.9.0", "0.9.0"],
    ["0.10.0", "0.10.0"],
    ["0.9.5", "0.10.0"],
    ["0.10.0", "0.10.0"],
    ["unknown", "0.10.0"],
    ["1.0.0", "1.0.0"],
  ] as const) {
    await ensureKinds(kube.client, silentLog, version);
    assert.equal(await versionOf(kube), after, version);
  }
});

test("a newer kind keeps its fields; one that Helm installed, or somebody noted nonsense on, is brought up to date", async () => {
  const kube = createMemoryKube(createVirtualClock());
  const brought = async (version: string | undefined): Promise<unknown> => {
    const metadata = { name, ...(version === undefined ? {} : { annotations: { [annotations.version]: version } }) };
    await kube.client.apply(definitions, { metadata, spec: { mark: "another" } } as KubeObject, { force: true, fieldManager: "helm" });
    await ensureKinds(kube.client, silentLog, "0.2.0");
    return Reflect.get((await shown(kube)) ?? {}, "spec");
  };
  assert.deepEqual(await brought("0.3.0"), { mark: "another" });
  for (const version of [undefined, "", "next", "0.2.0", "0.1.99"])
    assert.equal(Reflect.get(Object(await brought(version)), "mark"), undefined, version);
});

test("an operator that may not read the kinds applies its own, and one that may not write them either goes on", async () => {
  const kube = createMemoryKube(createVirtualClock());
  kube.fault = ({ verb }) => (verb === "get" ? forbidden("get", definitions) : undefined);
  await ensureKinds(kube.client, silentLog, "0.2.0");
  kube.fault = () => forbidden("patch", definitions);
  await ensureKinds(kube.client, silentLog, "0.3.0");
  kube.fault = () => undefined;
  assert.equal(await versionOf(kube), "0.2.0");
});
