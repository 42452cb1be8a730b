// What tests of the operator look at in its world.
import { events } from "../../../src/operator/kube/event-recorder.ts";
import type { Resource } from "../../../src/operator/kube/resource.ts";
import type { OperatorWorld, Shown } from "./operator-world.ts";

const writes = new Set(["create", "patch", "update", "delete"]);

/** Names of all objects of a kind, sorted. */
export function namesOf(world: OperatorWorld, resource: Resource): readonly string[] {
  return world
    .all(resource)
    .map(({ metadata }) => metadata.name)
    .sort();
}

/** The object of that name. */
export function shownOf(world: OperatorWorld, resource: Resource, name: string): Shown | undefined {
  return world.all(resource).find(({ metadata }) => metadata.name === name);
}

/** Writes by the operator since the `from`th call, but for its lease: "patch services attic-gateway". */
export function writesSince({ kube }: OperatorWorld, from: number): readonly string[] {
  return kube.uses
    .slice(from)
    .flatMap(({ verb, resource, name }) => (writes.has(verb) && resource !== "leases" ? [`${verb} ${resource} ${name}`] : []));
}

/** Events of that type so far: "Reason: message". */
export function eventsOf(world: OperatorWorld, type: "Normal" | "Warning"): readonly string[] {
  const all = world.all(events) as readonly Readonly<Record<string, unknown>>[];
  return all.filter((event) => event["type"] === type).map((event) => `${String(event["reason"])}: ${String(event["message"])}`);
}
