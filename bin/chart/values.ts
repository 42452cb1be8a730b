// What the chart's values may be: one schema from which values.schema.json and the table in the chart's README are made, so
// that Helm refuses a misspelled value before anything is installed.
import { z } from "zod";
import { editorSchema } from "../../src/operator/api/structural-schema.ts";
import { farmNameMax, vaultFarmJsonSchema } from "../../src/operator/api/vault-farm.ts";
import { watchedMax } from "../../src/operator/config.ts";
import { logLevels } from "../../src/runtime/log.ts";

const name = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const secretName = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/);
const farmName = z
  .string()
  .max(farmNameMax)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
const texts = z.record(z.string(), z.string());
const anyObject = z.record(z.string(), z.unknown());
const flag = (fallback: boolean): z.ZodDefault<z.ZodBoolean> => z.boolean().default(fallback);

const image = z.strictObject({
  // Neither tag nor digest: both have fields of their own.
  repository: z
    .string()
    .regex(/^([\w.-]+(:\d+)?\/)?[\w.-]+(\/[\w.-]+)*$/)
    .describe("One image for the operator, the vault nodes and the gateways."),
  tag: z
    .string()
    .regex(/^[\w.-]{0,128}$/)
    .default("")
    .describe("Empty: the chart's appVersion."),
  digest: z
    .string()
    .regex(/^(sha256:[0-9a-f]{64})?$/)
    .default("")
    .describe("`sha256:…` pins the image whatever the tag says."),
  pullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).default("IfNotPresent").describe("Of all its pods."),
  pullSecrets: z
    .array(z.strictObject({ name: secretName }))
    .max(8)
    .default([])
    .describe("Secrets for pulling it, as `[{name: …}]`."),
});

const values = z.strictObject({
  image,
  replicas: z.number().int().min(1).max(5).default(2).describe("Operator pods; one leads, the others wait with warm caches."),
  watchNamespaces: z
    .array(name)
    .max(watchedMax)
    .meta({ uniqueItems: true })
    .default([])
    .describe(`Namespaces whose farms are run, at most ${watchedMax}; empty: all, with cluster-wide rights.`),
  logLevel: z.enum(logLevels).default("info").describe("Least level that the operator logs."),
  resources: anyObject.default({}).describe("Of the operator's container."),
  nodeSelector: texts.default({}).describe("Of the operator's pods."),
  tolerations: z.array(anyObject).default([]).describe("Of the operator's pods."),
  affinity: anyObject.default({}).describe("Of the operator's pods; empty: spread over machines where possible."),
  priorityClassName: z.string().default("").describe("Of the operator's pods."),
  podAnnotations: texts.default({}).describe("Of the operator's pods."),
  podLabels: texts.default({}).describe("Further labels of the operator's pods."),
  serviceAccount: z.strictObject({
    create: flag(true).describe("Makes the operator's service account."),
    name: z
      .string()
      .regex(/^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$/)
      .default("")
      .describe("Empty: the release's name."),
    annotations: texts.default({}).describe("Of the service account."),
  }),
  rbac: z.strictObject({
    create: flag(true).describe("Makes the operator's roles."),
    aggregate: flag(true).describe("With `rbac.create`: adds the kinds to the cluster's roles view, edit and admin."),
  }),
  networkPolicy: z.strictObject({
    enabled: flag(true).describe(
      `Lets in nothing but what collects metrics: namespaces with the label \`vaultfarm.dev/scrapes: "true"\`, or pods beside the operator with it.`,
    ),
  }),
  podDisruptionBudget: z.strictObject({ enabled: flag(true).describe("One operator pod at a time may be evicted.") }),
  metrics: z.strictObject({
    podMonitor: z.strictObject({
      enabled: flag(false).describe("Wants the kinds of the Prometheus operator."),
      interval: z
        .string()
        .regex(/^\d+(ms|s|m)$/)
        .default("30s")
        .describe("Between two looks."),
      labels: texts.default({}).describe("By which your Prometheus chooses."),
    }),
  }),
  farm: z.strictObject({
    create: flag(false).describe("Makes a first farm in the release's namespace, which has to be watched; uninstalling leaves it."),
    name: farmName.default("attic").describe("The farm's name."),
    spec: anyObject.describe("Fields of `VaultFarm.spec`; `replicas` counts at the first installation only."),
  }),
  // Helm gives these to every chart that others depend on.
  global: anyObject.optional().describe("Not used."),
});

type JsonSchema = {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  properties?: Record<string, JsonSchema>;
};

/** The schema that Helm checks values against: the first farm's spec is checked like a manifest's. */
export function chartValuesSchema(): JsonSchema {
  const schema = z.toJSONSchema(values, { io: "input", target: "draft-7" }) as JsonSchema;
  const farm = schema.properties?.["farm"]?.properties;
  const spec = (editorSchema(vaultFarmJsonSchema()) as JsonSchema).properties?.["spec"];
  if (farm === undefined || spec === undefined) throw new Error("the schema of the farm's spec was not found");
  farm["spec"] = { ...spec, ...(farm["spec"]?.description === undefined ? {} : { description: farm["spec"].description }) };
  return schema;
}

/** One row a value, for the chart's README. */
export function chartValuesTable(): string {
  const rows = (schema: JsonSchema, path: string): readonly string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([key, one]) => {
      const here = path === "" ? key : `${path}.${key}`;
      if (one.properties !== undefined && here !== "farm.spec") return rows(one, here);
      const fallback = one.default === undefined || one.default === "" ? "–" : `\`${JSON.stringify(one.default)}\``;
      return here === "global" ? [] : [`| \`${here}\` | ${one.description ?? ""} | ${fallback} |`];
    });
  return ["| value | meaning | without it |", "| --- | --- | --- |", ...rows(chartValuesSchema(), "")].join("\n");
}
