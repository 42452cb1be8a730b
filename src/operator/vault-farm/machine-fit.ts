// Whether a machine's labels are what a farm's manifest asks of the machines of its vault nodes, so that no node is dealt to
// a zone where none could run. Pure.
import type { NodeExpression } from "../api/affinity-spec.ts";
import type { PodSpec } from "../api/pod-spec.ts";

type Labels = Readonly<Record<string, string>>;

/** Whether a pod with this node selector and these required terms may run on a machine with `labels`. */
export function fitsMachine({ nodeSelector, affinity }: Pick<PodSpec, "nodeSelector" | "affinity">, labels: Labels): boolean {
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const isChosen = Object.entries(nodeSelector).every(([key, value]) => labels[key] === value);
  return isChosen && (terms === undefined || terms.some(({ matchExpressions }) => matchExpressions.every((one) => holds(one, labels))));
}

// As the scheduler reads them: a label that is not there is in no list and no number.
function holds({ key, operator, values = [] }: NodeExpression, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return /^\d+$/.test(value ?? "") && Number(value) > Number(values[0]);
    case "Lt":
      return /^\d+$/.test(value ?? "") && Number(value) < Number(values[0]);
  }
}
