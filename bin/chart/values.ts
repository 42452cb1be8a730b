// What the chart's values may be: one schema from which values.schema.json and the table in the chart's README are made, so
// that Helm refuses a misspelled value before anything is installed. What a value is where nobody says it, values.yaml alone tells.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
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
const flag = (): z.ZodOptional<z.ZodBoolean> => z.boolean().optional();

const image = z.strictObject({
  // Neither tag nor digest: both have fields of their own.
  repository: z
    .string()
    .regex(/^([\w.-]+(:\d+)?\/)?[\w.-]+(\/[\w.-]+)*$/)
    .describe("One image for the operator, the vault nodes and the gateways."),
  tag: z
    .string()
    .regex(/^[\w.-]{0,128}$/)
    .optional()
    .describe("Empty: the chart's appVersion."),
  digest: z
    .string()
    .regex(/^(sha256:[0-9a-f]{64})?$/)
    .optional()
    .describe("`sha256:…` pins the image whatever the tag says."),
  pullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).optional().describe("Of all its pods."),
  pullSecrets: z
    .array(z.strictObject({ name: secretName }))
    .max(8)
    .optional()
    .describe("Secrets for pulling it, as `[{name: …}]`."),
});

const values = z.strictObject({
  image,
  replicas: z.number().int().min(1).max(5).optional().describe("Operator pods; one leads, the others wait with warm caches."),
  watchNamespaces: z
    .array(name)
    .max(watchedMax)
    .meta({ uniqueItems: true })
    .optional()
    .describe(`Namespaces whose farms are run, at most ${watchedMax}; empty: all, with cluster-wide rights.`),
  logLevel: z.enum(logLevels).optional().describe("Least level that the operator logs."),
  resources: anyObject.optional().describe("Of the operator's container."),
  nodeSelector: texts.optional().describe("Of the operator's pods."),
  tolerations: z.array(anyObject).optional().describe("Of the operator's pods."),
  affinity: anyObject.optional().describe("Of the operator's pods; empty: spread over machines where possible."),
  priorityClassName: z.string().optional().describe("Of the operator's pods."),
  podAnnotations: texts.optional().describe("Of the operator's pods."),
  podLabels: texts.optional().describe("Further labels of the operator's pods."),
  serviceAccount: z.strictObject({
    create: flag().describe("Makes the operator's service account."),
    name: z
      .string()
      .regex(/^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$/)
      .optional()
      .describe("Empty: the release's name."),
    annotations: texts.optional().describe("Of the service account."),
  }),
  rbac: z.strictObject({
    create: flag().describe("Makes the operator's roles."),
    aggregate: flag().describe("With `rbac.create`: adds the kinds to the cluster's roles view, edit and admin."),
  }),
  networkPolicy: z.strictObject({
    enabled: flag().describe(
      `Lets in nothing but what collects metrics: namespaces with the label \`vaultfarm.dev/scrapes: "true"\`, or pods beside the operator with it.`,
    ),
  }),
  podDisruptionBudget: z.strictObject({ enabled: flag().describe("One operator pod at a time may be evicted.") }),
  metrics: z.strictObject({
    podMonitor: z.strictObject({
      enabled: flag().describe("Wants the kinds of the Prometheus operator."),
      interval: z
        .string()
        .regex(/^\d+(ms|s|m)$/)
        .optional()
        .describe("Between two looks."),
      labels: texts.optional().describe("By which your Prometheus chooses."),
    }),
  }),
  farm: z.strictObject({
    create: flag().describe("Makes a first farm in the release's namespace, which has to be watched; uninstalling leaves it."),
    name: farmName.optional().describe("The farm's name."),
    spec: anyObject.describe(
      "Fields of `VaultFarm.spec`; with `helm install` and `helm upgrade` `replicas` counts at the first installation only (`docs/kubernetes/install.md`, *GitOps*).",
    ),
  }),
  // Helm gives these to every chart that others depend on.
  global: anyObject.optional().describe("Not used."),
});

type JsonSchema = {
  readonly type?: string;
  readonly description?: string;
  default?: unknown;
  properties?: Record<string, JsonSchema>;
};

const valuesFile = fileURLToPath(new URL("../../charts/vaultfarm/values.yaml", import.meta.url));

/** The schema that Helm checks values against: the first farm's spec is checked like a manifest's. Throws where values.yaml lacks one of the values. */
export function chartValuesSchema(): JsonSchema {
  const schema = z.toJSONSchema(values, { io: "input", target: "draft-7" }) as JsonSchema;
  const farm = schema.properties?.["farm"]?.properties;
  const spec = (editorSchema(vaultFarmJsonSchema()) as JsonSchema).properties?.["spec"];
  if (farm === undefined || spec === undefined) throw new Error("the schema of the farm's spec was not found");
  farm["spec"] = { ...spec, ...(farm["spec"]?.description === undefined ? {} : { description: farm["spec"].description }) };
  const given: unknown = parse(readFileSync(valuesFile, "utf8"));
  for (const { path, schema: one } of leaves(schema)) one.default = valueAt(given, path);
  return schema;
}

type Leaf = { readonly path: readonly string[]; readonly schema: JsonSchema };

/** The values that a person sets, each where it stands. */
function leaves(schema: JsonSchema, at: readonly string[] = []): readonly Leaf[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, one]) => {
    const path = [...at, key];
    if (path.join(".") === "global") return [];
    return one.properties === undefined || path.join(".") === "farm.spec" ? [{ path, schema: one }] : leaves(one, path);
  });
}

function valueAt(given: unknown, path: readonly string[]): unknown {
  const value = path.reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), given);
  if (value === undefined) throw new Error(`values.yaml lacks ${path.join(".")}`);
  return value;
}

/** One row a value, for the chart's README. */
export function chartValuesTable(): string {
  const row = ({ path, schema }: Leaf): string => {
    const fallback = schema.default === "" ? "–" : `\`${JSON.stringify(schema.default)}\``;
    return `| \`${path.join(".")}\` | ${schema.description ?? ""} | ${fallback} |`;
  };
  return ["| value | meaning | in `values.yaml` |", "| --- | --- | --- |", ...leaves(chartValuesSchema()).map(row)].join("\n");
}
