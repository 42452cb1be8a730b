// What must hold between fields of a farm's spec: each rule once for this program and once, in CEL, for an API server.
import type { CelRule } from "./fields.ts";
import type { ManifestProblem } from "./problem.ts";
import { describeBytes, writeQuantity } from "./quantity.ts";
import type { VaultFarmSpec } from "./vault-farm.ts";

type Relation = {
  /** Path of the field that is to blame, below `spec`. */
  readonly field: string;
  /** The rule on `spec` for an API server. */
  readonly cel: string;
  readonly expected: string;
  holds(spec: VaultFarmSpec): boolean;
  /** What was found instead. */
  found(spec: VaultFarmSpec): string;
};

const bytesInCel = (path: string): string => `(type(${path}) == int ? quantity(string(${path})) : quantity(${path}))`;

const sayWrites = "gateway.writes to say who may store, since others than this cluster reach the gateways";

const relations: readonly Relation[] = [
  {
    field: "copies",
    cel: "self.copies.min <= self.copies.target && self.copies.target <= self.copies.max",
    expected: "min <= target <= max",
    holds: ({ copies }) => copies.min <= copies.target && copies.target <= copies.max,
    found: ({ copies }) => `${copies.min}, ${copies.target}, ${copies.max}`,
  },
  {
    field: "gateway.service",
    cel: "self.gateway.service.type == 'ClusterIP' || has(self.gateway.writes)",
    expected: `ClusterIP, or ${sayWrites}`,
    holds: ({ gateway }) => gateway.service.type === "ClusterIP" || gateway.writes !== undefined,
    found: ({ gateway }) => gateway.service.type,
  },
  {
    field: "gateway.ingress",
    cel: "!has(self.gateway.ingress) || has(self.gateway.writes)",
    expected: sayWrites,
    holds: ({ gateway }) => gateway.ingress === undefined || gateway.writes !== undefined,
    found: ({ gateway }) => `an Ingress for ${gateway.ingress?.host}`,
  },
  {
    field: "gateway.httpRoute",
    cel: "!has(self.gateway.httpRoute) || has(self.gateway.writes)",
    expected: sayWrites,
    holds: ({ gateway }) => gateway.httpRoute === undefined || gateway.writes !== undefined,
    found: ({ gateway }) => `an HTTPRoute for ${gateway.httpRoute?.hostnames.join(", ")}`,
  },
  {
    field: "gateway.httpRoute",
    cel: "!(has(self.gateway.httpRoute) && has(self.gateway.ingress))",
    expected: "ingress or httpRoute, not both",
    holds: ({ gateway }) => gateway.httpRoute === undefined || gateway.ingress === undefined,
    found: () => "both",
  },
  {
    field: "storage.autogrow",
    cel: `!has(self.storage.autogrow) || ${bytesInCel("self.storage.autogrow.max")}.compareTo(${bytesInCel("self.vaultCapacity")}) >= 0`,
    expected: "a max of vaultCapacity or more",
    holds: ({ storage, vaultCapacity }) => storage.autogrow === undefined || storage.autogrow.max >= vaultCapacity,
    found: ({ storage, vaultCapacity }) =>
      `${writeQuantity(storage.autogrow?.max ?? 0)} where each vault declares ${describeBytes(vaultCapacity)}`,
  },
];

/** The relations as an API server checks them, on `spec`. */
export const relationRules: readonly CelRule[] = relations.map(({ field, cel, expected }) => ({
  rule: cel,
  message: `expected ${expected}`,
  fieldPath: `.${field}`,
}));

/** Every relation that does not hold in `spec`. Pure. */
export function brokenRelations(spec: VaultFarmSpec): readonly ManifestProblem[] {
  return relations
    .filter((relation) => !relation.holds(spec))
    .map(({ field, expected, found }) => ({
      field: `spec.${field}`,
      message: `spec.${field}: expected ${expected}, got ${found(spec)}`,
    }));
}
