// `spec.monitoring` of a farm: what is made so that the Prometheus of a cluster finds it. Nothing of it has an effect on a
// local farm.
import { z } from "zod";
import { anObject, celRules, textMap, textOf } from "./fields.ts";

export type MonitoringSpec = {
  /** Whether a ServiceMonitor tells Prometheus of the vault nodes and gateways. */
  readonly serviceMonitor: boolean;
  /** Between two scrapes, as Prometheus writes it: "30s". Absent: what Prometheus does by itself. */
  readonly interval?: string;
  /** By which a Prometheus chooses. */
  readonly labels: Readonly<Record<string, string>>;
};

// The labels that the operator gives each object of a farm; it would set them back.
const ownPrefix = "vaultfarm.dev/";
const ownLabels = ["app.kubernetes.io/name", "app.kubernetes.io/managed-by"] as const;
const noOwnLabels = `labels other than ${ownPrefix}… and ${ownLabels.join(" and ")}, which are the operator's`;
const isOwn = (key: string): boolean => key.startsWith(ownPrefix) || (ownLabels as readonly string[]).includes(key);
const noOwnRule = `self.all(key, !key.startsWith('${ownPrefix}') && !(key in [${ownLabels.map((key) => `'${key}'`).join(", ")}]))`;

const labels = textMap("labels", 64, 63)
  .refine((map) => !Object.keys(map).some(isOwn), { error: noOwnLabels })
  .meta(celRules({ rule: noOwnRule, message: `expected ${noOwnLabels}` }));

/** The schema of `spec.monitoring`. */
export const monitoring: z.ZodType<MonitoringSpec> = z
  .strictObject(
    {
      serviceMonitor: z
        .boolean({ error: "true or false" })
        .default(false)
        .describe(
          "Makes a ServiceMonitor, by which a Prometheus of the Prometheus operator finds the vault nodes and gateways; where the cluster does not have that kind MonitoringReady says so. Vault nodes let a Prometheus in whose namespace is labelled vaultfarm.dev/scrapes=true.",
        ),
      interval: z
        .exactOptional(textOf('a time such as "30s" or "1m"', /^[1-9][0-9]{0,3}[smh]$/, 5))
        .describe("Time between two scrapes: 30s. Absent: as Prometheus has it for all."),
      labels: labels
        .default({})
        .describe(
          "Labels of the ServiceMonitor, by which your Prometheus chooses: for kube-prometheus-stack release and the release's name.",
        ),
    },
    anObject,
  )
  .prefault({})
  .describe("What is made for Prometheus. In a cluster only.");
