// Metrics of the operator beside those of the machinery (operator/kube/metrics.ts): how its farms are, and what it does to them.
import type { MetricsRegistry, Reading } from "../runtime/metrics-registry.ts";
import type { FarmAction } from "./vault-farm/actions.ts";

/** What is carried out: every action but waiting. */
export type ActedKind = Exclude<FarmAction["kind"], "wait">;
/** Of one look at whether a node may be stopped. */
export type ProofOutcome = "confirmed" | "not-yet";
/** Whether the farm's status says so. */
export type RefusalShown = "shown" | "not-shown";

/** A farm as far as it is counted. */
export type CountedFarm = {
  readonly wanted: number;
  readonly made: number;
  readonly ready: number;
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
};

export type OperatorMetrics = {
  acted(kind: ActedKind): void;
  proved(outcome: ProofOutcome): void;
  callRefused(how: RefusalShown): void;
  /** From where it is read at each scrape which watched namespaces may not be read. */
  watchNamespaces(unread: () => readonly string[]): void;
  /** From where the farms are read at each scrape; those of several sources are summed. */
  watchFarms(farms: () => Iterable<CountedFarm>): void;
};

/** Makes them in `registry`. Each is described in docs/metrics-operator.md. */
export function createOperatorMetrics(registry: MetricsRegistry): OperatorMetrics {
  const sources: (() => Iterable<CountedFarm>)[] = [];
  let unread = (): readonly string[] => [];
  const farms = (): readonly CountedFarm[] => sources.flatMap((source) => [...source()]);
  registry.gaugeOf<never>({ name: "vaultfarm_operator_farms", help: "farms there are", labels: [] }, () => [
    { labels: {}, value: farms().length },
  ]);
  registry.gaugeOf(
    { name: "vaultfarm_operator_farm_conditions", help: "farms by the status of each condition", labels: ["condition", "status"] },
    () => conditionReadings(farms()),
  );
  registry.gaugeOf({ name: "vaultfarm_operator_nodes", help: "vault nodes of all farms", labels: ["state"] }, () => {
    const sum = (of: (farm: CountedFarm) => number): number => farms().reduce((total, farm) => total + of(farm), 0);
    return [
      { labels: { state: "wanted" }, value: sum(({ wanted }) => wanted) },
      { labels: { state: "made" }, value: sum(({ made }) => made) },
      { labels: { state: "ready" }, value: sum(({ ready }) => ready) },
    ];
  });
  registry.gaugeOf(
    {
      name: "vaultfarm_operator_namespace_unread",
      help: "1 for each watched namespace that the API server forbids to read",
      labels: ["namespace"],
    },
    () => unread().map((namespace) => ({ labels: { namespace }, value: 1 })),
  );
  const actions = registry.counter({ name: "vaultfarm_operator_actions_total", help: "actions begun, by kind", labels: ["action"] });
  const proofs = registry.counter({
    name: "vaultfarm_operator_proofs_total",
    help: "looks at whether a node may be stopped, by what came of them",
    labels: ["outcome"],
  });
  const refusals = registry.counter({
    name: "vaultfarm_operator_calls_refused_total",
    help: "looks at a farm at which the API server forbade a call, by whether the farm's status says so",
    labels: ["status"],
  });
  return {
    acted: (action) => actions.add({ action }),
    proved: (outcome) => proofs.add({ outcome }),
    callRefused: (status) => refusals.add({ status }),
    watchNamespaces: (source) => {
      unread = source;
    },
    watchFarms: (source) => {
      sources.push(source);
    },
  };
}

function conditionReadings(farms: readonly CountedFarm[]): readonly Reading<"condition" | "status">[] {
  const counts = new Map<string, number>();
  for (const { conditions } of farms)
    for (const { type, status } of conditions) counts.set(`${type} ${status}`, (counts.get(`${type} ${status}`) ?? 0) + 1);
  return [...counts].map(([key, value]) => {
    const [condition = "", status = ""] = key.split(" ");
    return { labels: { condition, status }, value };
  });
}
