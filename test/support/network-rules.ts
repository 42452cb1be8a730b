// Network policies evaluated as a plug-in that enforces them would: whether a connection is let out by the policies of the pod
// that opens it and in by those of the pod that takes it.
import { strict as assert } from "node:assert";

export type Labels = Readonly<Record<string, string>>;
/** A pod. `ports`: those of its containers by name. */
export type PodEnd = {
  readonly namespace: string;
  readonly namespaceLabels?: Labels;
  readonly labels: Labels;
  readonly ports?: Readonly<Record<string, number>>;
};
/** One end of a connection; "outside": no pod of the cluster. */
export type End = PodEnd | "outside";
export type Protocol = "TCP" | "UDP";

type Selector = { readonly matchLabels?: Labels };
type Peer = { readonly podSelector?: Selector; readonly namespaceSelector?: Selector };
type Port = { readonly port?: number | string; readonly protocol?: Protocol };
type Rule = { readonly from?: readonly Peer[]; readonly to?: readonly Peer[]; readonly ports?: readonly Port[] };
type Spec = {
  readonly podSelector: Selector;
  readonly policyTypes: readonly ("Ingress" | "Egress")[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
};
export type NetworkPolicy = { readonly namespace: string; readonly spec: Spec };

// What is not evaluated here must not pass for evaluated.
function onlyKeys(object: object, ...known: readonly string[]): void {
  for (const key of Object.keys(object)) assert.ok(known.includes(key), `nothing here evaluates "${key}" of ${JSON.stringify(object)}`);
}

/** A NetworkPolicy as it is rendered or served. Throws where it uses what is not evaluated here. */
export function readPolicy(object: { readonly metadata: { readonly namespace?: string } }): NetworkPolicy {
  const { namespace } = object.metadata;
  const spec = Reflect.get(object, "spec") as Spec;
  assert.ok(namespace !== undefined);
  onlyKeys(spec, "podSelector", "policyTypes", "ingress", "egress");
  onlyKeys(spec.podSelector, "matchLabels");
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    onlyKeys(rule, "from", "to", "ports");
    for (const port of rule.ports ?? []) onlyKeys(port, "port", "protocol");
    for (const peer of [...(rule.from ?? []), ...(rule.to ?? [])]) {
      onlyKeys(peer, "podSelector", "namespaceSelector");
      for (const selector of Object.values(peer)) onlyKeys(selector, "matchLabels");
    }
  }
  return { namespace, spec };
}

export type Connection = { readonly from: End; readonly to: End; readonly port: number; readonly protocol: Protocol };

/** Whether `policies` let the connection through. */
export function lets(policies: readonly NetworkPolicy[], { from, to, port, protocol }: Connection): boolean {
  const at = (rule: Rule): boolean => hasPort(rule, port, protocol, to);
  const outgoing = isFree(policies, "Egress", from, ({ spec }, namespace) =>
    (spec.egress ?? []).some((rule) => at(rule) && hasPeer(rule.to, to, namespace)),
  );
  const incoming = isFree(policies, "Ingress", to, ({ spec }, namespace) =>
    (spec.ingress ?? []).some((rule) => at(rule) && hasPeer(rule.from, from, namespace)),
  );
  return outgoing && incoming;
}

// A pod that no policy of a type chooses is free that way; of those that choose it one is enough.
function isFree(
  policies: readonly NetworkPolicy[],
  type: "Ingress" | "Egress",
  end: End,
  allows: (policy: NetworkPolicy, namespace: string) => boolean,
): boolean {
  if (end === "outside") return true;
  const own = policies.filter(
    ({ namespace, spec }) => namespace === end.namespace && spec.policyTypes.includes(type) && chooses(spec.podSelector, end.labels),
  );
  return own.length === 0 || own.some((policy) => allows(policy, end.namespace));
}

function chooses({ matchLabels = {} }: Selector, labels: Labels): boolean {
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
}

function hasPeer(peers: readonly Peer[] | undefined, end: End, namespace: string): boolean {
  if (peers === undefined || peers.length === 0) return true;
  if (end === "outside") return false;
  const namespaceLabels = { ...end.namespaceLabels, "kubernetes.io/metadata.name": end.namespace };
  return peers.some(
    ({ podSelector = {}, namespaceSelector }) =>
      chooses(podSelector, end.labels) &&
      (namespaceSelector === undefined ? end.namespace === namespace : chooses(namespaceSelector, namespaceLabels)),
  );
}

function hasPort({ ports = [] }: Rule, port: number, protocol: Protocol, to: End): boolean {
  const numberOf = (named: number | string): number | undefined =>
    typeof named === "number" ? named : to === "outside" ? undefined : to.ports?.[named];
  return (
    ports.length === 0 ||
    ports.some((one) => (one.protocol ?? "TCP") === protocol && (one.port === undefined || numberOf(one.port) === port))
  );
}
