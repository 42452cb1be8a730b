// A release of the chart in a namespace of a test's own, with the restricted Pod Security standard enforced: the sample
// farm, files that are put in and read back through its gateways, and words on what went wrong where a scenario fails.
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { after, type TestContext, test } from "node:test";
import { inspect } from "node:util";
import { helm, kubectl, openTunnel, runTool, type Tunnel } from "./cluster-tools.ts";
import { type ClusterViews, isReady, openViews, type PodView } from "./cluster-views.ts";
import { until } from "./deadline.ts";
import { assertReads, noise, store } from "./objects.ts";

export type Kept = { readonly address: string; readonly bytes: Uint8Array };

/** The image that is installed; it is in the cluster already, or made and loaded by `npm run e2e`. */
export const image: string = process.env["VAULTFARM_E2E_IMAGE"] ?? "vaultfarm:e2e";
/** Another name of the same program, for upgrades; where there is none, an upgrade changes the operator's pods only. */
export const nextImage: string = process.env["VAULTFARM_E2E_NEXT_IMAGE"] ?? image;
/** Whether the scenarios that take longer are to run too. */
export const all: boolean = process.env["VAULTFARM_E2E_ALL"] === "1";
/** Whether those that take minutes each are to be left out. */
export const brief: boolean = process.env["VAULTFARM_E2E_BRIEF"] === "1";

export type Release = {
  readonly namespace: string;
  readonly name: string;
  readonly views: ClusterViews;
  /** `helm upgrade --install` with the test's own values and `sets`. */
  install(...sets: readonly string[]): Promise<void>;
  /** The same from another chart, with another image. */
  installFrom(chart: string, image: string, ...sets: readonly string[]): Promise<void>;
  /** kubectl in the namespace. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** `kubectl vaultfarm` in the namespace. */
  plugin(verb: string, ...args: readonly string[]): Promise<string>;
  apply(manifest: object): Promise<void>;
  /** Base address of a gateway of `farm` on this machine. */
  gateway(farm?: string): Promise<string>;
  /** Files of several sizes, put in. */
  put(seed: number, farm?: string): Promise<readonly Kept[]>;
  /** Fails unless every file comes back as it was put in. */
  assertKept(files: readonly Kept[], farm?: string): Promise<void>;
  /** Takes everything away. */
  remove(): Promise<void>;
};

// Vaults small enough for any cluster; caches too small to answer in place of the vaults; what is asked of machines is
// little, so that twelve nodes find a place on a laptop.
const values = [
  "farm.create=true",
  "farm.spec.vaultCapacity=256Mi",
  "farm.spec.gateway.cacheMemory=1Mi",
  "farm.spec.pod.resources.requests.cpu=20m",
  "farm.spec.pod.resources.requests.memory=128Mi",
  "farm.spec.gateway.resources.requests.cpu=20m",
  "farm.spec.gateway.resources.requests.memory=128Mi",
];

const sizes = [1, 70_000, 9 * 2 ** 20, 24 * 2 ** 20];

async function leads({ url }: Pick<Tunnel, "url">): Promise<boolean> {
  return fetch(`${url}/healthz`, { signal: AbortSignal.timeout(10_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** One that leads to the pod with this `uid`. */
type GatewayTunnel = Tunnel & { readonly uid: string };

/** Whether the pod is there and nobody has told it to go: a Service leads to no other. */
const stays = (pods: readonly PodView[], uid: string): boolean =>
  pods.some(({ metadata }) => metadata.uid === uid && metadata.deletionTimestamp === undefined);

/**
 * A tunnel to a gateway by its name: of a Service kubectl takes any pod that runs, also one that ends. Those that are ready first; one
 * that is not may answer reads all the same.
 */
async function tunnelToOne(namespace: string, gateways: readonly PodView[]): Promise<GatewayTunnel | undefined> {
  const staying = gateways.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const inOrder = staying.toSorted((a, b) => Number(isReady(b)) - Number(isReady(a)));
  for (const { metadata } of inOrder) {
    const tunnel = await openTunnel("port-forward", "-n", namespace, `pod/${metadata.name}`, ":8080").catch(() => undefined);
    if (tunnel !== undefined && (await leads(tunnel))) return { ...tunnel, uid: metadata.uid };
    await tunnel?.close();
  }
  return undefined;
}

/**
 * Fails unless the object comes back. A gateway that goes ends the connections that it kept: a read that was cut off, and for which
 * there is another tunnel now, is asked again by that.
 */
async function assertReadsBy(gateway: () => Promise<string>, address: string, bytes: Uint8Array): Promise<void> {
  const url = await gateway();
  try {
    await assertReads(url, address, bytes);
  } catch (error) {
    const next = error instanceof TypeError ? await gateway() : url;
    if (next === url) throw error;
    await assertReads(next, address, bytes);
  }
}

/** The values of the chart that name an image. */
export function imageValues(named: string): readonly string[] {
  const at = named.lastIndexOf(":");
  return [`image.repository=${named.slice(0, at)}`, `image.tag=${named.slice(at + 1)}`, "image.pullPolicy=IfNotPresent"];
}

/** Makes the namespace; the release is removed when the file's tests are over. `label`: what its name says it is for. */
export async function openRelease(label: string): Promise<Release> {
  const namespace = `vaultfarm-e2e-${label}-${randomUUID().slice(0, 5)}`;
  const name = "attic";
  const views = await openViews();
  const tunnels = new Map<string, GatewayTunnel>();
  const left: Tunnel[] = [];
  const manifest = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  };
  await runTool("kubectl", ["apply", "-f", "-"], { input: JSON.stringify(manifest) });
  const leading = new Map<string, Promise<string>>();
  const tunnelTo = async (farm: string): Promise<string> => {
    const open = tunnels.get(farm);
    const gateways = await until("gateways are listed", () => views.gateways(namespace, farm));
    // A tunnel leads to one pod, also while that goes, and ends with it, which kubectl notices at the next connection only.
    if (open !== undefined && stays(gateways, open.uid) && (await leads(open))) return open.url;
    // Downloads through it may be ending.
    if (open !== undefined) left.push(open);
    const tunnel = await until(`a gateway of ${farm} takes a tunnel`, async () =>
      tunnelToOne(namespace, await views.gateways(namespace, farm)),
    );
    tunnels.set(farm, tunnel);
    return tunnel.url;
  };
  // One at a time: of two that were opened at once, one would stay open.
  const gateway = (farm = name): Promise<string> => {
    const url = leading.get(farm) ?? tunnelTo(farm).finally(() => leading.delete(farm));
    leading.set(farm, url);
    return url;
  };
  const installFrom = async (chart: string, named: string, ...sets: readonly string[]): Promise<void> => {
    const given = [...imageValues(named), ...values, ...sets].flatMap((value) => ["--set", value]);
    await helm("upgrade", "--install", "vaultfarm", chart, "-n", namespace, ...given);
  };
  return {
    namespace,
    name,
    views,
    gateway,
    install: (...sets) => installFrom("charts/vaultfarm", image, ...sets),
    installFrom,
    kubectl: (...args) => kubectl("-n", namespace, ...args),
    plugin: (verb, ...args) => runTool("kubectl", ["vaultfarm", verb, "-n", namespace, ...args], { withinMs: 600_000 }),
    apply: async (object) => {
      await runTool("kubectl", ["-n", namespace, "apply", "-f", "-"], { input: JSON.stringify(object) });
    },
    put: async (seed, farm = name) => {
      const kept: Kept[] = [];
      for (const [i, size] of sizes.entries()) {
        const bytes = noise(size, seed * 100 + i);
        // On a busy machine nodes take each other for silent now and then: the gateway says 503, and whoever stores asks again.
        const { address } = await until("a gateway stores a file", async () => store(await gateway(farm), bytes), 120_000);
        kept.push({ bytes, address });
      }
      return kept;
    },
    assertKept: async (files, farm = name) => {
      for (const { address, bytes } of files) await assertReadsBy(() => gateway(farm), address, bytes);
    },
    remove: async () => {
      for (const tunnel of [...left, ...tunnels.values()]) await tunnel.close();
      await removeAll(namespace);
      await views.close();
    },
  };
}

// The operator goes last, since it lets the records of nodes go; then what of the release is outside of the namespace.
async function removeAll(namespace: string): Promise<void> {
  await kubectl("-n", namespace, "delete", "vaultfarms", "--all", "--ignore-not-found", "--timeout=60s").catch(() => "");
  await kubectl("-n", namespace, "wait", "vaultnodes", "--all", "--for=delete", "--timeout=60s").catch(() => "");
  await helm("uninstall", "vaultfarm", "-n", namespace, "--ignore-not-found");
  await kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=110s");
  // Where the namespace went with the release in it, these are left.
  const roles = ["cluster", "farms", "edit", "view"].map((role) => `${namespace}-vaultfarm-${role}`);
  await kubectl("delete", "clusterroles,clusterrolebindings", "--ignore-not-found", ...roles);
  // Volumes of nodes that were taken away are kept, which is the policy of the farms here.
  const volumes = await kubectl(
    "get",
    "pv",
    "-o",
    `jsonpath={range .items[?(@.spec.claimRef.namespace=="${namespace}")]}{.metadata.name} {end}`,
  );
  for (const volume of volumes.split(" ").filter((name) => name !== ""))
    await kubectl("patch", "pv", volume, "--type=merge", "-p", '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}').catch(() => "");
}

/** Reads `files` again and again until `ended`; how often. The first that fails or differs fails it. */
export async function readWhile(release: Release, files: readonly Kept[], ended: Promise<unknown>): Promise<number> {
  let going = true;
  let rounds = 0;
  const end = ended.finally(() => {
    going = false;
  });
  const readers = [0, 1].map(async () => {
    while (going) {
      await release.assertKept(files);
      rounds += 1;
    }
  });
  await Promise.all([end, ...readers]);
  return rounds;
}

type Play = {
  /** Adds a scenario that only what this one found gives a meaning to, and waits for it. */
  readonly also: (name: string, run: Scenario) => Promise<void>;
  /** Has this one counted as skipped, for what it found on this cluster. */
  readonly skip: (why: string) => void;
};
type Scenario = (release: Release, play: Play) => Promise<void>;
/** `longer`: only where VAULTFARM_E2E_ALL is 1. `takesMinutes`: not where VAULTFARM_E2E_BRIEF is 1. */
type ScenarioOptions = { readonly longer?: boolean; readonly takesMinutes?: boolean };
export type Scenarios = {
  scenario(name: string, run: Scenario): void;
  scenario(name: string, options: ScenarioOptions, run: Scenario): void;
};

/** Counts a scenario, or what several would show, as skipped. */
export function notShown(name: string, why: string): void {
  test(name, { skip: why }, () => {});
}

/** Scenarios of one release, in their order; it is made before the first and removed after the last. */
export function scenarios(label: string): Scenarios {
  let release: Promise<Release> | undefined;
  let failed: string | undefined;
  const play = async (name: string, run: Scenario, context: TestContext): Promise<void> => {
    // What they say of a farm that is not as the one before left it would mislead.
    if (failed !== undefined) throw new Error(`not begun, because "${failed}" failed`);
    release ??= openRelease(label);
    try {
      await run(await release, {
        also: (inner, more) => context.test(inner, (own) => play(inner, more, own)),
        skip: (why) => context.skip(why),
      });
      assert.deepEqual(await forbidden(await release), [], "the operator wanted something that its rights forbid");
    } catch (error) {
      failed = name;
      // What failed comes first: the runner tells it only when all of the file is over, which may wait for what the scenario began.
      context.diagnostic(`${inspect(error)}\n${await stateOf(await release)}`);
      throw error;
    }
  };
  after(async () => (await release)?.remove());
  return {
    scenario: (name: string, ...rest: readonly [Scenario] | readonly [ScenarioOptions, Scenario]) => {
      const [options, run] = rest.length === 1 ? [{}, rest[0]] : rest;
      if (options.longer && !all) notShown(name, "one of the longer scenarios, which VAULTFARM_E2E_ALL=1 adds");
      else if (options.takesMinutes && brief) notShown(name, "it takes minutes, and VAULTFARM_E2E_BRIEF=1 leaves such out");
      else test(name, (context) => play(name, run, context));
    },
  };
}

/** What the operators that run say of rights that they lack. That nothing is made in a namespace that ends is no such thing. */
async function forbidden({ namespace }: Release): Promise<readonly string[]> {
  const logs = await kubectl("-n", namespace, "logs", "-l", "app.kubernetes.io/component=operator", "--tail=-1", "--ignore-errors");
  return logs.split("\n").filter((line) => /forbidden/i.test(line) && !/being terminated/.test(line));
}

/** What there is in the namespace and what the operator did last, for whoever reads of a failure. */
async function stateOf({ namespace }: Release): Promise<string> {
  const questions = [
    ["get", "vaultfarms,vaultnodes,pods,persistentvolumeclaims", "-o", "wide"],
    [
      "get",
      "vaultfarms",
      "-o",
      "jsonpath={range .items[*].status.conditions[*]}{.type}={.status} {.reason}: {.message}{'\\n'}{end}{.items[*].status.plan}",
    ],
    ["logs", "-l", "app.kubernetes.io/component=operator", "--tail=30", "--prefix"],
    ["get", "events", "--field-selector=type=Warning"],
  ];
  const answers = questions.map((args) => kubectl("-n", namespace, ...args).catch((error: unknown) => String(error)));
  return (await Promise.all(answers)).join("\n");
}
