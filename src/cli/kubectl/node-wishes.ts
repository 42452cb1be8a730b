// `kubectl vaultfarm drain`, `cordon`, `fence` and their opposites: a person's wish for a node is written into
// `spec.desired`, and the operator carries it out. `replace` deletes the VaultNode, which the operator drains first.
import { createInterface } from "node:readline";
import type { DesiredNodeState } from "../../operator/api/vault-node.ts";
import { type NodeRecord, nodeRecords } from "../../operator/cluster/resources.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import type { Output } from "../output.ts";
import { type Cluster, type ClusterOptions, must, readNode, withCluster } from "./cluster.ts";
import { nodeSeen } from "./farm-seen.ts";
import { followNode } from "./follow-node.ts";
import { nodeTable } from "./node-table.ts";

export type WishOptions = ClusterOptions & { readonly wait?: boolean };
export type ReplaceOptions = WishOptions & { readonly yes: boolean };

export type WishVerb = "drain" | "undrain" | "cordon" | "uncordon" | "fence" | "unfence";

type Wish = {
  readonly wanted: DesiredNodeState;
  /** The wishes that it may replace: another one is a person's too, and not to be lost in passing. */
  readonly over: readonly DesiredNodeState[];
  readonly said: string;
};

const nodeWishes: Readonly<Record<WishVerb, Wish>> = {
  drain: { wanted: "Drained", over: ["Active", "Cordoned", "Offline"], said: "hands over what it holds and is then taken away" },
  undrain: { wanted: "Active", over: ["Drained"], said: "stays and takes part again" },
  cordon: { wanted: "Cordoned", over: ["Active"], said: "takes no new chunks" },
  uncordon: { wanted: "Active", over: ["Cordoned"], said: "takes new chunks again" },
  fence: { wanted: "Fenced", over: ["Active", "Cordoned", "Offline"], said: "goes on running, apart from the network" },
  unfence: { wanted: "Active", over: ["Fenced"], said: "is let back into the network" },
};

/** Writes a wish for a node; with `wait` a drain is followed to its end. Rejects with a `CommandError`. */
export async function wish(
  world: CommandWorld,
  output: Output,
  verb: WishVerb,
  asked: { readonly node: string; readonly options: WishOptions },
): Promise<void> {
  const { node: name, options } = asked;
  const { wanted, over, said } = nodeWishes[verb];
  await withCluster(world, options, verb, async (cluster) => {
    const node = await readNode(cluster, name);
    const { desired, deleting, leaving } = nodeSeen(node);
    if (deleting) throw refused("deleted", `${name} is deleted: it drains and goes, and nothing can be wished for it any more`);
    if (wanted === "Active" && desired === "Active" && leaving !== null) throw refused("operators", operatorsWish(name, leaving));
    if (desired !== wanted && !over.includes(desired)) throw refused("other-wish", otherWish(name, desired, verb));
    const isNew = desired !== wanted;
    if (isNew) await write(cluster, node, wanted);
    const follows = verb === "drain" && options.wait === true;
    if (!follows) output.json({ node: name, namespace: cluster.namespace, desired: wanted, changed: isNew });
    if (!follows) output.line(isNew ? `${name} ${said}` : `${name} is ${wanted} already: nothing was changed`);
    showWidely(world, output, node, options);
    if (follows) await followNode(world, output, cluster, { node, cancel: `kubectl vaultfarm undrain ${name}` });
  });
}

/** Deletes a VaultNode, so that it drains, goes, and another one is made. Rejects with a `CommandError`. */
export async function replace(world: CommandWorld, output: Output, name: string, options: ReplaceOptions): Promise<void> {
  await withCluster(world, options, "replace", async (cluster) => {
    const node = await readNode(cluster, name);
    const { uid } = node.metadata;
    const { deleting } = nodeSeen(node);
    if (!deleting && !options.yes)
      await confirm(world, `Replace ${name}? It hands over what it holds and goes, and that cannot be undone. [y/N] `);
    if (!deleting)
      must(
        await cluster.client.remove(
          nodeRecords,
          { namespace: cluster.namespace, name },
          uid === undefined ? {} : { preconditions: { uid } },
        ),
      );
    if (options.wait === true) {
      showWidely(world, output, node, options);
      return followNode(world, output, cluster, { node });
    }
    output.json({ node: name, namespace: cluster.namespace, deleted: true, changed: !deleting });
    output.line(
      deleting ? `${name} is deleted already: it drains and goes` : `${name} drains, goes, and another node is made in its place`,
    );
    showWidely(world, output, node, options);
  });
}

/** With `-o wide`: what the node held, and what would be missing without it, when it was read. */
function showWidely({ clock }: CommandWorld, output: Output, node: NodeRecord, { output: form }: ClusterOptions): void {
  if (form === "wide") output.line(nodeTable([nodeSeen(node)], { wide: true, nowMs: clock.wallMs() }));
}

async function write({ client, namespace }: Cluster, { metadata: { name, uid } }: NodeRecord, desired: DesiredNodeState): Promise<void> {
  // With its uid: another node never gets this one's wish.
  const body = { metadata: uid === undefined ? {} : { uid }, spec: { desired } };
  must(await client.patch(nodeRecords, { namespace, name }, { type: "merge", body }));
}

async function confirm({ input, streams, interrupted }: CommandWorld, question: string): Promise<void> {
  const asked = Reflect.get(input, "isTTY") === true;
  if (!asked) throw new CommandError(exitCodes.usage, "not-confirmed", "nobody can be asked here, and it cannot be undone; say --yes");
  const lines = createInterface({ input, output: streams.err, terminal: false });
  try {
    streams.err.write(question);
    const answer = await new Promise<string>((resolve) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(""));
      interrupted.addEventListener("abort", () => lines.close(), { once: true });
    });
    if (interrupted.aborted) throw new CommandError(exitCodes.interrupted, "interrupted", "nothing was changed");
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError(exitCodes.refused, "not-confirmed", "nothing was changed");
  } finally {
    lines.close();
  }
}

function refused(code: string, message: string): CommandError {
  return new CommandError(exitCodes.refused, code, message);
}

function operatorsWish(name: string, leaving: string): string {
  const ways: Readonly<Record<string, string>> = {
    ScaleDown: "raise spec.replicas to keep it",
    Shrink: "raise spec.vaultCapacity to keep it",
  };
  return `${name} leaves by the operator's decision (${leaving}), not by a person's wish; ${ways[leaving] ?? "kubectl vaultfarm plan says what for"}`;
}

function otherWish(name: string, desired: DesiredNodeState, verb: WishVerb): string {
  const back = { Drained: "undrain", Fenced: "unfence", Cordoned: "uncordon" } as const;
  if (desired === "Active") return `${name} is Active: there is nothing to ${verb}`;
  const first =
    desired === "Offline"
      ? `kubectl patch vaultnode ${name} --type merge -p '{"spec":{"desired":"Active"}}'`
      : `kubectl vaultfarm ${back[desired]} ${name}`;
  return `${name} is ${desired} by a person's wish, which ${verb} would replace; first: ${first}`;
}
