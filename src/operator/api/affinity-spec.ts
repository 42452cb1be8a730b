// `spec.pod.affinity` of a farm: near what, and away from what, vault nodes are placed, in Kubernetes' own words.
import { z } from "zod";
import { anObject, celRules, label, labelKey, listOf, oneOf, textMap, textOf, wholeNumber } from "./fields.ts";

const selectorOperators = ["In", "NotIn", "Exists", "DoesNotExist"] as const;
const nodeOperators = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] as const;

/** What a label must be. `values`: with In and NotIn at least one, with Gt and Lt one whole number, else none. */
export type NodeExpression = {
  readonly key: string;
  readonly operator: (typeof nodeOperators)[number];
  readonly values?: readonly string[];
};
export type NodeTerm = { readonly matchExpressions: readonly NodeExpression[] };
export type NodeAffinity = {
  /** One of the terms, and all of its expressions, must hold. */
  readonly requiredDuringSchedulingIgnoredDuringExecution?: { readonly nodeSelectorTerms: readonly NodeTerm[] };
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly { readonly weight: number; readonly preference: NodeTerm }[];
};

type LabelSelector = {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly NodeExpression[];
};
export type PodTerm = {
  readonly topologyKey: string;
  readonly labelSelector: LabelSelector;
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: LabelSelector;
};
export type PodAffinity = {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodTerm[];
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly { readonly weight: number; readonly podAffinityTerm: PodTerm }[];
};
export type AffinitySpec = {
  readonly nodeAffinity?: NodeAffinity;
  readonly podAffinity?: PodAffinity;
  readonly podAntiAffinity?: PodAffinity;
};

const termsMax = 8;
const valueText = textOf("the value of a label", /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/, 63);

function expression<const T extends readonly [string, ...string[]]>(operators: T): z.ZodType<NodeExpression & { operator: T[number] }> {
  const allowed = { error: "values: one or more with In and NotIn, one whole number with Gt and Lt, none with Exists and DoesNotExist" };
  const fields = {
    key: labelKey().describe("Key of the label."),
    operator: oneOf(operators).describe("How its value compares with `values`."),
    values: z
      .exactOptional(listOf(valueText, "values of labels", 16))
      .describe("One or more with In and NotIn, one whole number with Gt and Lt, none otherwise."),
  };
  const rule = {
    rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : self.operator in ['Gt', 'Lt'] ? has(self.values) && size(self.values) == 1 && self.values[0].matches('^[0-9]+$') : !has(self.values) || size(self.values) == 0",
    message: `expected ${allowed.error}`,
  };
  const read = z.strictObject(fields, anObject).refine(valuesFit, allowed).meta(celRules(rule));
  return read as unknown as z.ZodType<NodeExpression & { operator: T[number] }>;
}

function valuesFit({ operator, values = [] }: { readonly operator: string; readonly values?: readonly string[] | undefined }): boolean {
  if (operator === "In" || operator === "NotIn") return values.length > 0;
  if (operator === "Gt" || operator === "Lt") return values.length === 1 && /^[0-9]+$/.test(values[0] ?? "");
  return values.length === 0;
}

const nodeTerm: z.ZodType<NodeTerm> = z
  .strictObject(
    {
      matchExpressions: listOf(expression(nodeOperators), "expressions, and at least one", termsMax, 1).describe("All of them must hold."),
    },
    anObject,
  )
  .describe("What the labels of a cluster node must be.");

const labelSelector: z.ZodType<LabelSelector> = z
  .strictObject(
    {
      matchLabels: z.exactOptional(textMap("labels", 16, 63)).describe("Labels, each with its value."),
      matchExpressions: z
        .exactOptional(listOf(expression(selectorOperators), "expressions", termsMax))
        .describe("What labels must be besides; all must hold."),
    },
    anObject,
  )
  .describe("Labels by which it is chosen.");

const podTerm: z.ZodType<PodTerm> = z.strictObject(
  {
    topologyKey: labelKey().describe("Label of a cluster node: those with the same value count as one place."),
    labelSelector: labelSelector.describe("The pods that are meant."),
    namespaces: z.exactOptional(listOf(label(63), "namespaces", 16)).describe("Their namespaces. Absent: the farm's."),
    namespaceSelector: z.exactOptional(labelSelector).describe("Their namespaces by label."),
  },
  anObject,
);

const weight = (): z.ZodType<number> => wholeNumber(1, 100).describe("How much it counts.");

const nodeAffinity: z.ZodType<NodeAffinity> = z
  .strictObject(
    {
      requiredDuringSchedulingIgnoredDuringExecution: z
        .exactOptional(
          z.strictObject(
            { nodeSelectorTerms: listOf(nodeTerm, "terms, and at least one", termsMax, 1).describe("One must hold.") },
            anObject,
          ),
        )
        .describe("What must hold, besides the zone that the operator deals a vault node to; zones without such a cluster node get none."),
      preferredDuringSchedulingIgnoredDuringExecution: z
        .exactOptional(
          listOf(
            z.strictObject({ weight: weight(), preference: nodeTerm.describe("What should hold.") }, anObject),
            "preferences",
            termsMax,
          ),
        )
        .describe("What should hold."),
    },
    anObject,
  )
  .describe("Which cluster nodes vault nodes are placed on.");

const podAffinity = (): z.ZodType<PodAffinity> =>
  z.strictObject(
    {
      requiredDuringSchedulingIgnoredDuringExecution: z.exactOptional(listOf(podTerm, "terms", termsMax)).describe("What must hold."),
      preferredDuringSchedulingIgnoredDuringExecution: z
        .exactOptional(
          listOf(
            z.strictObject({ weight: weight(), podAffinityTerm: podTerm.describe("The pods and the place.") }, anObject),
            "preferences",
            termsMax,
          ),
        )
        .describe("What should hold."),
    },
    anObject,
  );

/** The schema of `spec.pod.affinity`. */
export const affinity: z.ZodType<AffinitySpec> = z
  .strictObject(
    {
      nodeAffinity: z.exactOptional(nodeAffinity),
      podAffinity: z.exactOptional(podAffinity()).describe("Pods that vault nodes are placed beside."),
      podAntiAffinity: z
        .exactOptional(podAffinity())
        .describe("Pods that vault nodes are kept away from, besides those of the farm itself."),
    },
    anObject,
  )
  .describe("Where vault nodes are placed, as pods have it: it adds to what `topology` asks for and takes nothing of it away.");
