// The first membership certificate of a farm: signed by the owner once all nodes are ready, kept before it is sent, so that
// there is one. Signed twice, two of them would be two truths.
import { emptyChain, judgeCertificate, type MembershipStatement, readCertificate, signAsOwner } from "../../protocol/certificate.ts";
import type { Genesis } from "../../protocol/genesis.ts";
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
  const certificate = new Uint8Array(Buffer.from(text, "base64"));
  const isOurs = begins(keys.genesis, certificate);
  hands.memory.setForeign(`${configMaps.kind} ${name}`, !isOurs);
  if (!isOurs) return;
  for (const node of observed.nodes) {
    const at = placeOf(node.name, hands);
    if (at !== undefined && (await hands.commander.certify(at, certificate)).ok) return;
  }
}

// One of an earlier network of the farm's name stays where only its keys and volumes were deleted: no node would take it.
function begins(genesis: Genesis, bytes: Uint8Array): boolean {
  const read = readCertificate(genesis.networkId, bytes);
  return read.ok && judgeCertificate(genesis, emptyChain(genesis.networkId), read.value).ok;
}
