// The seal that the operator puts on what it decided of a node: that it leaves, and that it may be taken away. A record can be
// written by others, and brought back from a backup; only what bears the seal for this very record counts.
import { z } from "zod";
import { verifySignature } from "../../protocol/keys.ts";
import { type SignedKind, signedBody } from "../../protocol/signed.ts";
import type { AssignedSpec } from "../api/vault-node.ts";
import type { NetworkKeys } from "./network-secret.ts";

/** The record that was decided of: another one of its name, or of an earlier farm, has another uid. */
export type DecidedNode = { readonly farmUid: string; readonly name: string; readonly uid: string };

/** The farm's keys, and the time by the clock on the wall, milliseconds. */
export type SealTools = { readonly keys: Pick<NetworkKeys, "genesis" | "admin">; readonly wallMs: number };

/**
 * How long it counts that a node was released, milliseconds: removing it takes minutes, and a seal that somebody kept and puts
 * back later should not speak of copies that were counted long ago. After that the proof is made again.
 */
export const releaseHoldsMs = 3_600_000;

type Decision = DecidedNode & { readonly leaving: string; readonly released: boolean; readonly sealedAtMs: number };

const decisionKind: SignedKind<Decision> = {
  tag: "node-decision",
  fields: z.object({
    farmUid: z.string(),
    name: z.string(),
    uid: z.string(),
    leaving: z.string(),
    released: z.boolean(),
    sealedAtMs: z.int(),
  }),
};

/** The seal on `assigned`, undefined where nothing in it wants one: zone and sizes take nothing away. */
export function sealDecision(assigned: AssignedSpec, node: DecidedNode, { keys, wallMs }: SealTools): string | undefined {
  if (!wantsSeal(assigned)) return undefined;
  const signature = keys.admin.sign(bodyOf(assigned, node, keys, wallMs));
  return `${wallMs}.${Buffer.from(signature).toString("base64url")}`;
}

/** What counts of `assigned` as it stands in a record with `seal`: without a good one the node neither leaves nor is released. Pure. */
export function sealedPart(assigned: AssignedSpec, seal: string | undefined, node: DecidedNode, { keys, wallMs }: SealTools): AssignedSpec {
  if (!wantsSeal(assigned)) return assigned;
  const { leaving, released, ...open } = assigned;
  const [time = "", signature = ""] = seal?.split(".") ?? [];
  const sealedAtMs = Number(time);
  if (time === "" || !Number.isSafeInteger(sealedAtMs)) return open;
  const body = bodyOf(assigned, node, keys, sealedAtMs);
  if (!verifySignature(keys.admin.publicKey, body, new Uint8Array(Buffer.from(signature, "base64url")))) return open;
  const isOld = Math.abs(wallMs - sealedAtMs) >= releaseHoldsMs;
  return released === true && isOld ? { ...open, ...(leaving === undefined ? {} : { leaving }) } : assigned;
}

function wantsSeal({ leaving, released }: AssignedSpec): boolean {
  return leaving !== undefined || released !== undefined;
}

function bodyOf(
  { leaving, released = false }: AssignedSpec,
  { farmUid, name, uid }: DecidedNode,
  { genesis }: SealTools["keys"],
  sealedAtMs: number,
): Uint8Array {
  return signedBody(decisionKind, genesis.networkId, { farmUid, name, uid, leaving: leaving ?? "", released, sealedAtMs });
}
