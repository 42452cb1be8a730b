// The first membership certificate of a farm: signed by the owner once all nodes are ready, kept before it is sent, so that
// there is one. Signed twice, two of them would be two truths.
import { type MembershipStatement, signAsOwner } from "../../protocol/certificate.ts";
import { confirmedNodesMax } from "../../protocol/limits.ts";
import { objectLabels, objectNames } from "../manifests/names.ts";
import { type FarmHands, placeOf } from "./hands.ts";
import { must } from "./object-writer.ts";
import { configMaps } from "./resources.ts";

const key = "certificate";

/** Has the first members confirmed. Throws the server's error. */
export async function foundNetwork(hands: FarmHands): Promise<void> {
  const { farm, observed, client, keys, writer } = hands;
  const peers = observed.nodes.flatMap(({ peerId }) => peerId ?? []).sort();
  if (peers.length === 0 || peers.length > confirmedNodesMax) return;
  const statement: MembershipStatement = { sequence: 1, previous: keys.genesis.networkId, joining: peers, leaving: [] };
  const { bytes } = signAsOwner(keys.genesis, keys.owner, statement);
  const name = objectNames.firstCertificate(farm.name);
  // No owner: the network outlives the farm's object, as its keys do.
  const metadata = { name, namespace: farm.namespace, labels: objectLabels(farm) };
  const manifest = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata,
    immutable: true,
    binaryData: { [key]: Buffer.from(bytes).toString("base64") },
  };
  await writer.create(configMaps, manifest);
  const kept: unknown = must(await client.get(configMaps, { namespace: farm.namespace, name }));
  const text = (kept as { readonly binaryData?: Readonly<Record<string, string>> }).binaryData?.[key] ?? "";
  hands.memory.setForeign(`${configMaps.kind} ${name}`, text === "");
  if (text === "") return;
  const certificate = new Uint8Array(Buffer.from(text, "base64"));
  for (const node of observed.nodes) {
    const at = placeOf(node.name, hands);
    if (at !== undefined && (await hands.commander.certify(at, certificate)).ok) return;
  }
}
