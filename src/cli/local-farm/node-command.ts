// Signed commands to a node's admin port: what the owner of the farm may tell it. Both ways signed, so that neither a
// stranger on this machine nor another process on the port can speak for either.
import {
  adminNonceLength,
  adminRequestLifetimeMs,
  adminSignatureHeader,
  checkAdminAnswer,
  signAdminRequest,
} from "../../protocol/admin-request.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { createGrant } from "../../protocol/grant.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { FarmKeys } from "./farm-keys.ts";
import { callLocal } from "./http-call.ts";

/** Done, or why not: no answer in time, or the node's own reason. */
export type CommandOutcome = { readonly ok: true } | { readonly ok: false; readonly why: string };

export type NodeCommander = {
  /** Gives the node the owner's grant to store copies. */
  grant(adminPort: number, node: PeerId): Promise<CommandOutcome>;
  /** Tells the node where others listen. */
  tellPeers(adminPort: number, node: PeerId, peers: readonly NodeAddress[]): Promise<CommandOutcome>;
};

const timeoutMs = 5000;

/** Commands signed with the farm's admin key. */
export function createNodeCommander(keys: FarmKeys, { clock, random }: { clock: Clock; random: Random }): NodeCommander {
  const put = async (port: number, node: PeerId, path: string, body: Uint8Array): Promise<CommandOutcome> => {
    const nonce = random.bytes(adminNonceLength);
    const notAfterMs = clock.wallMs() + adminRequestLifetimeMs;
    const { networkId } = keys.genesis;
    const signature = signAdminRequest(networkId, keys.admin, { method: "PUT", path, body }, { node, nonce, notAfterMs });
    const reply = await callLocal({ method: "PUT", port, path, headers: { [adminSignatureHeader]: signature }, body, timeoutMs });
    if (reply === undefined) return { ok: false, why: "no answer" };
    const verdict = checkAdminAnswer({ networkId, node, nonce }, reply, reply.header(adminSignatureHeader));
    if (!verdict.ok) return { ok: false, why: `the answer is not the node's: ${verdict.why}` };
    return reply.status < 300 ? { ok: true } : { ok: false, why: Buffer.from(reply.body).toString().slice(0, 200) };
  };
  return {
    grant: (port, node) => put(port, node, "/v1/grant", createGrant(keys.genesis, keys.owner, { peerId: node, notAfterMs: 0 })),
    tellPeers: (port, node, peers) => put(port, node, "/v1/peers", textBytes(JSON.stringify(peers))),
  };
}
