// The kinds that an API server is taught, and the CustomResourceDefinition of each: names, columns, scale, schema, rules.

import { vaultFarmStatusSchema } from "./farm-status.ts";
import { type CelRule, celRules } from "./fields.ts";
import { relationRules } from "./relations.ts";
import { type StructuralSchema, structuralSchema } from "./structural-schema.ts";
import { farmNameMax, vaultFarmSpecSchema } from "./vault-farm.ts";
import { peerIdKept, vaultNodeSpecSchema, vaultNodeStatusSchema } from "./vault-node.ts";

/** The API group of the kinds, and their version. */
export const apiGroup = "vaultfarm.dev";
export const kindVersion = "v1alpha1";

type Column = {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: number;
};

/** A kind: its names, what `kubectl get` and `kubectl explain` show, and its schema. */
export type Kind = {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly description: string;
  readonly columns: readonly Column[];
  /** Paths for `kubectl scale` and autoscalers, where the kind can be scaled. */
  readonly scale?: { readonly specReplicasPath: string; readonly statusReplicasPath: string; readonly labelSelectorPath: string };
  readonly spec: StructuralSchema;
  readonly status: StructuralSchema;
  /** Rules on the whole object. */
  readonly rules: readonly CelRule[];
};

const conditionOf = (type: string, field: string): string => `.status.conditions[?(@.type=="${type}")].${field}`;
const age: Column = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was made." };

function nameRules(lengthMax: number): readonly CelRule[] {
  return [
    {
      rule: `size(self.metadata.name) <= ${lengthMax} && !self.metadata.name.contains('.')`,
      message: `expected a name of at most ${lengthMax} letters, digits and hyphens: names of pods and Services are made from it`,
    },
  ];
}

const copiesFixed: CelRule = {
  rule: "!has(oldSelf.status) || !has(oldSelf.status.networkId) || self.spec.copies == oldSelf.spec.copies",
  message: "copies are fixed once the network has begun; make another farm instead",
  fieldPath: ".spec.copies",
};

/** The `VaultFarm` kind. */
export const vaultFarmKind: Kind = {
  kind: "VaultFarm",
  plural: "vaultfarms",
  singular: "vaultfarm",
  shortName: "vf",
  description:
    "A VaultFarm is a farm of vault nodes that keep self-encrypted data in at least four copies, with gateways in front. `kubectl scale` changes how many nodes there are; a node leaves only once its copies are proven to exist elsewhere.",
  columns: [
    { name: "Nodes", type: "integer", jsonPath: ".status.nodes", description: "Vault nodes that exist." },
    { name: "Ready", type: "integer", jsonPath: ".status.readyNodes", description: "Vault nodes that are ready." },
    { name: "Vaults", type: "integer", jsonPath: ".status.vaults", description: "Vaults in all nodes." },
    { name: "Used", type: "string", jsonPath: ".status.used", description: "What all vaults together hold." },
    { name: "Capacity", type: "string", jsonPath: ".status.capacity", description: "What all vaults together declare." },
    { name: "Below-min", type: "integer", jsonPath: ".status.chunksBelowMin", description: "Chunks with fewer copies than copies.min." },
    { name: "Status", type: "string", jsonPath: conditionOf("Ready", "reason"), description: "Reason of the condition Ready." },
    { name: "Doing", type: "string", jsonPath: conditionOf("Progressing", "message"), description: "What is being done.", priority: 1 },
    age,
  ],
  scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.nodes", labelSelectorPath: ".status.selector" },
  spec: structuralSchema(vaultFarmSpecSchema.meta(celRules(...relationRules)).describe("The farm as it is wanted.")),
  status: structuralSchema(vaultFarmStatusSchema),
  rules: [...nameRules(farmNameMax), copiesFixed],
};

/** The `VaultNode` kind. */
export const vaultNodeKind: Kind = {
  kind: "VaultNode",
  plural: "vaultnodes",
  singular: "vaultnode",
  shortName: "vn",
  description:
    "A VaultNode is one vault pod of a farm and its volume. The operator makes it. `spec.desired` says what you want of it; deleting it has it hand over what it holds before it goes.",
  columns: [
    { name: "State", type: "string", jsonPath: ".status.state", description: "The node's state in one word." },
    { name: "Ready", type: "string", jsonPath: conditionOf("Ready", "status"), description: "Whether it serves." },
    { name: "Vaults", type: "integer", jsonPath: ".status.vaults", description: "Vaults in the node." },
    { name: "Used", type: "string", jsonPath: ".status.used", description: "What its vaults together hold." },
    { name: "At-risk", type: "integer", jsonPath: ".status.atRiskIfStopped", description: "Chunks with too few copies without it." },
    { name: "Score", type: "string", jsonPath: ".status.score", description: "Lowest score of its vaults, 0 to 1." },
    { name: "Zone", type: "string", jsonPath: ".status.zone", description: "The zone it runs in." },
    { name: "Host", type: "string", jsonPath: ".status.host", description: "The cluster node it runs on.", priority: 1 },
    {
      name: "Reason",
      type: "string",
      jsonPath: conditionOf("Ready", "reason"),
      description: "Reason of the condition Ready.",
      priority: 1,
    },
    age,
  ],
  spec: structuralSchema(vaultNodeSpecSchema),
  status: structuralSchema(vaultNodeStatusSchema),
  rules: [...nameRules(farmNameMax + 6), peerIdKept],
};

/** All kinds. */
export const kinds: readonly Kind[] = [vaultFarmKind, vaultNodeKind];

/** The CustomResourceDefinition of a kind, as an API server takes it. */
export function customResourceDefinition(kind: Kind): Readonly<Record<string, unknown>> {
  const { plural, singular, shortName } = kind;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${apiGroup}` },
    spec: {
      group: apiGroup,
      scope: "Namespaced",
      names: { kind: kind.kind, listKind: `${kind.kind}List`, plural, singular, shortNames: [shortName], categories: ["all"] },
      versions: [
        {
          name: kindVersion,
          served: true,
          storage: true,
          additionalPrinterColumns: kind.columns,
          subresources: { status: {}, ...(kind.scale === undefined ? {} : { scale: kind.scale }) },
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

/** The schema of a whole object of a kind. */
export function objectSchema({ description, spec, status, rules }: Kind): StructuralSchema {
  return {
    type: "object",
    description,
    required: ["spec"],
    properties: {
      apiVersion: { type: "string", description: `Version of this representation: ${apiGroup}/${kindVersion}.` },
      kind: { type: "string", description: "The kind of this object." },
      metadata: { type: "object" },
      spec,
      status,
    },
    ...celRules(...rules),
  };
}
