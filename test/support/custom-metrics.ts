// A custom metrics API for tests of autoscalers: a pod of the image under test, registered with the API server by a
// certificate made here. Its one number is what a test sets.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { image, type Release } from "./cluster-farm.ts";
import { kubectl, runTool } from "./cluster-tools.ts";
import { until } from "./deadline.ts";

const name = "test-metrics";
const apiService = "v1beta2.custom.metrics.k8s.io";
const group = "/apis/custom.metrics.k8s.io/v1beta2";

export type CustomMetrics = {
  /** What is answered from now on, for every metric of every object. */
  set(value: number): Promise<void>;
  /** Takes the API away: while it is registered and does not answer, no namespace of the cluster can be deleted. */
  remove(): Promise<void>;
};

type ConfigMap = { readonly data?: Readonly<Record<string, string>> };
type ApiService = { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } };

/** Why the cluster can have no custom metrics API of ours; undefined where it can. */
export async function metricsRefused({ views }: Release): Promise<string | undefined> {
  const authentication = await views.get<ConfigMap>("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
  if (authentication?.data?.["requestheader-client-ca-file"] === undefined) return "its API server has no aggregation layer";
  const versions = ["v1beta1", "v1beta2"].map((version) =>
    views.get(`/apis/apiregistration.k8s.io/v1/apiservices/${version}.custom.metrics.k8s.io`),
  );
  if ((await Promise.all(versions)).some((one) => one !== undefined)) return "it has a custom metrics API already";
  return undefined;
}

/** Starts one in the release's namespace, answering `value`, and waits until the API server takes its answers. */
export async function serveCustomMetrics(release: Release, value: number): Promise<CustomMetrics> {
  const { namespace, views } = release;
  const pair = await certificateFor(`${name}.${namespace}.svc`);
  const remove = async (): Promise<void> => {
    await kubectl("delete", "apiservice", apiService, "--ignore-not-found");
    await release.kubectl("delete", "pod,service,configmap,secret", name, "--ignore-not-found", "--grace-period=1");
  };
  const set = async (next: number): Promise<void> => {
    await release.kubectl("exec", name, "--", "node", "-e", `require("node:fs").writeFileSync("/state/value", "${next}")`);
  };
  try {
    for (const manifest of manifests(namespace, pair)) await release.apply(manifest);
    await release.kubectl("wait", "pod", name, "--for=condition=Ready", "--timeout=90s");
    await set(value);
    await runTool("kubectl", ["apply", "-f", "-"], { input: JSON.stringify(registration(namespace, pair.certificate)) });
    await until("the API server finds the metrics", async () => {
      const registered = await views.get<ApiService>(`/apis/apiregistration.k8s.io/v1/apiservices/${apiService}`);
      return registered?.status?.conditions?.some((one) => one.type === "Available" && one.status === "True");
    });
    await until("a metric is answered", () => views.get(`${group}/namespaces/${namespace}/services/${release.name}-gateway/wanted`));
  } catch (error) {
    await remove();
    throw error;
  }
  return { set, remove };
}

type Pair = { readonly certificate: string; readonly key: string };

// Its own authority, since the API server trusts the one that its registration names.
async function certificateFor(host: string): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), "vaultfarm-metrics-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const named = ["-subj", "/CN=vaultfarm test metrics", "-addext", `subjectAltName=DNS:${host}`];
  try {
    await runTool("openssl", ["req", "-x509", ...kind, ...named, "-keyout", key, "-out", certificate]);
    return { key: readFileSync(key, "utf8"), certificate: readFileSync(certificate, "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function registration(namespace: string, certificate: string): object {
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: apiService },
    spec: {
      group: "custom.metrics.k8s.io",
      version: "v1beta2",
      service: { name, namespace, port: 443 },
      caBundle: Buffer.from(certificate).toString("base64"),
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  };
}

function manifests(namespace: string, { certificate, key }: Pair): readonly object[] {
  const metadata = { name, namespace, labels: { app: name } };
  const script = readFileSync(new URL("custom-metrics-server.cjs", import.meta.url), "utf8");
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "server.cjs": script } },
    { apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/tls", stringData: { "tls.crt": certificate, "tls.key": key } },
    { apiVersion: "v1", kind: "Service", metadata, spec: { selector: { app: name }, ports: [{ port: 443, targetPort: 8443 }] } },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: {
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "server",
            image,
            imagePullPolicy: "IfNotPresent",
            args: ["/script/server.cjs", "/tls", "/state/value"],
            readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
            resources: { requests: { cpu: "10m", memory: "64Mi" } },
            securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
            volumeMounts: [
              { name: "script", mountPath: "/script" },
              { name: "tls", mountPath: "/tls" },
              { name: "state", mountPath: "/state" },
            ],
          },
        ],
        volumes: [
          { name: "script", configMap: { name } },
          { name: "tls", secret: { secretName: name } },
          { name: "state", emptyDir: {} },
        ],
      },
    },
  ];
}
