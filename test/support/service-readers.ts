// Clients inside the cluster: a pod of the image under test that gets objects through a Service, in the ways of clients that
// keep their connections and of those that do not, and counts what fails.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { image, type Kept, type Release } from "./cluster-farm.ts";
import { until } from "./deadline.ts";

const name = "readers";
const folder = "/readers";

export type ServiceClient = {
  readonly name: string;
  readonly object: Kept;
  /** Whether it goes on with the connection that it has; else each get has its own. */
  readonly keeps: boolean;
  /** Between two gets, milliseconds. */
  readonly pauseMs: number;
  /** How fast it takes what comes; absent: as it comes. */
  readonly bytesPerMs?: number;
};

/** Of one client. `retried`: gets that found their kept connection ended and were asked again, as clients do. */
export type ClientTotals = { readonly reads: number; readonly connections: number; readonly retried: number; readonly failed: number };
export type ReaderTotals = { readonly clients: Readonly<Record<string, ClientTotals>>; readonly failures: readonly string[] };

export type ServiceReaders = {
  /** So far, at most about a second ago. */
  totals(): Promise<ReaderTotals>;
  /** The totals once every client has read `more` times more than now. */
  readOn(more: number): Promise<ReaderTotals>;
};

/** Starts the pod, and waits until each of `clients` has read. They ask for the Service by its name. */
export async function startReaders(release: Release, clients: readonly ServiceClient[]): Promise<ServiceReaders> {
  const plan = clients.map(({ object, ...client }) => ({
    ...client,
    url: `http://${release.name}-gateway:8080/v1/objects/${object.address}`,
    sha256: createHash("sha256").update(object.bytes).digest("hex"),
  }));
  const script = readFileSync(new URL("service-readers.cjs", import.meta.url), "utf8");
  const data = { "service-readers.cjs": script, "plan.json": JSON.stringify(plan) };
  await release.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
  await release.apply(readersPod());
  await release.kubectl("wait", "pod", name, "--for=condition=Ready", "--timeout=90s");
  const totals = async (): Promise<ReaderTotals> => JSON.parse(await release.kubectl("logs", name, "--tail=1")) as ReaderTotals;
  const atLeast = (reads: (client: string) => number): Promise<ReaderTotals> =>
    until("every client has read", async () => {
      const now = await totals();
      return plan.every((client) => (now.clients[client.name]?.reads ?? 0) >= reads(client.name)) && now;
    });
  await atLeast(() => 1);
  return {
    totals,
    readOn: async (more) => {
      const { clients: then } = await totals();
      return atLeast((client) => (then[client]?.reads ?? 0) + more);
    },
  };
}

// As restricted Pod Security wants it.
function readersPod(): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name,
          image,
          imagePullPolicy: "IfNotPresent",
          command: ["node", `${folder}/service-readers.cjs`, `${folder}/plan.json`],
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
          resources: { requests: { cpu: "20m", memory: "64Mi" } },
          volumeMounts: [{ name: "script", mountPath: folder }],
        },
      ],
      volumes: [{ name: "script", configMap: { name } }],
    },
  };
}
