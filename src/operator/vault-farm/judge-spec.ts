// Whether what a person wrote can be carried out. What cannot is refused in words, field by field, and the farm goes on as
// it was last accepted.
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { FarmReason } from "../api/conditions.ts";
import { describeIssues, type ManifestProblem } from "../api/problem.ts";
import { brokenRelations } from "../api/relations.ts";
import { type VaultFarmSpec, vaultFarmSpecSchema } from "../api/vault-farm.ts";

/** What the farm was begun with and cannot change. */
export type FixedFields = { readonly copies: CopiesPolicy; readonly vaultsPerNode: number };

export type SpecVerdict =
  | { readonly ok: true; readonly spec: VaultFarmSpec }
  | { readonly ok: false; readonly reason: FarmReason<"SpecAccepted">; readonly problems: readonly ManifestProblem[] };

/** Judges the `spec` of a farm as it came from an API server. `fixed`: absent before the network has begun. Pure. */
export function judgeSpec(raw: unknown, fixed?: FixedFields): SpecVerdict {
  const parsed = vaultFarmSpecSchema.safeParse(raw);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ["spec", ...issue.path] }));
    return { ok: false, reason: "Invalid", problems: describeIssues(issues, { spec: raw }, () => []) };
  }
  const spec = parsed.data;
  const broken = brokenRelations(spec);
  if (broken.length > 0) return { ok: false, reason: "Invalid", problems: broken };
  const changed = fixed === undefined ? [] : changedFields(spec, fixed);
  return changed.length > 0 ? { ok: false, reason: "FixedField", problems: changed } : { ok: true, spec };
}

function changedFields(spec: VaultFarmSpec, fixed: FixedFields): readonly ManifestProblem[] {
  const fields: readonly (readonly [string, number, number])[] = [
    ["spec.vaultsPerNode", fixed.vaultsPerNode, spec.vaultsPerNode],
    ...(["min", "target", "max"] as const).map((key) => [`spec.copies.${key}`, fixed.copies[key], spec.copies[key]] as const),
  ];
  return fields
    .filter(([, was, is]) => was !== is)
    .map(([field, was, is]) => ({ field, message: `${field}: fixed at ${was} when the network began, got ${is}` }));
}
