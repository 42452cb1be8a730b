// Signed commands to a node's admin port: what the owner of the farm may tell it. Both ways signed, so that neither a
// stranger on the way nor another program on the port can speak for either.
import { z } from "zod";
import {
  adminNonceLength,
  adminRequestLifetimeMs,
  adminSignatureHeader,
  checkAdminAnswer,
  signAdminRequest,
} from "../../protocol/admin-request.ts";
import { textBytes } from "../../protocol/bytes.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import { createGrant } from "../../protocol/grant.ts";
import type { SigningKey } from "../../protocol/keys.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { StopPurpose } from "../../protocol/safe-to-stop.ts";
import type { DesiredState } from "../../protocol/states.ts";
import type { StopPair } from "../../protocol/stop-decision.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { type CallMember, callMember } from "./http-call.ts";

/** Done, or why not. no-answer: none in time · refused: it understood what it was told, and will not; absent: anything else. */
export type CommandOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly why: string; readonly reason?: "no-answer" | "refused" };

/** A signed statement, `working` where it takes longer (ask again), or why there is none, as of a command. */
export type StatementOutcome =
  | { readonly kind: "signed"; readonly bytes: Uint8Array }
  | { readonly kind: "working" }
  | { readonly kind: "failed"; readonly why: string; readonly reason?: "no-answer" | "refused" };

/** The keys of a farm's owner, which grants, and admin, which commands. */
export type CommandKeys = { readonly genesis: Genesis; readonly owner: SigningKey; readonly admin: SigningKey };

/** Where a node takes commands, and who must answer there. */
export type CommandPlace = { readonly ip: string; readonly port: number; readonly node: PeerId };

export type NodeCommander = {
  /** Gives the node the owner's grant to store copies. */
  grant(at: CommandPlace): Promise<CommandOutcome>;
  /** Tells the node where others listen. */
  tellPeers(at: CommandPlace, peers: readonly NodeAddress[]): Promise<CommandOutcome>;
  /** Says what is wanted of the node. */
  setDesired(at: CommandPlace, state: DesiredState): Promise<CommandOutcome>;
  /** Asks the node what would be missing without it. */
  safeToStop(at: CommandPlace, purpose: StopPurpose): Promise<StatementOutcome>;
  /** Asks the node for the word of the second source on another's statement: of whose turn it is in the network, older nodes for their own. */
  witnessStop(at: CommandPlace, statement: Uint8Array): Promise<StatementOutcome>;
  /** Hands the node what shows that it may go for good, which it tells the others when it stops. */
  leave(at: CommandPlace, pair: Pick<StopPair, "statement" | "witness">): Promise<CommandOutcome>;
  /** Gives the node a membership certificate signed by the owner. */
  certify(at: CommandPlace, certificate: Uint8Array): Promise<CommandOutcome>;
};

const timeoutMs = 5000;

type Command = {
  readonly at: CommandPlace;
  readonly method: "PUT" | "POST";
  readonly path: string;
  readonly body: Uint8Array;
};
type Reply = { readonly ok: true; readonly status: number; readonly body: Uint8Array } | Extract<CommandOutcome, { ok: false }>;

/** The HTTP status with which a node refuses a command that it understands; one that it does not know is a 404. */
const refusedStatus = 422;

export type CommanderTools = { readonly clock: Clock; readonly random: Random; readonly call?: CallMember };

/** Commands signed with the farm's admin key. */
export function createNodeCommander(keys: CommandKeys, { clock, random, call = callMember }: CommanderTools): NodeCommander {
  const send = async ({ at: { ip, port, node }, method, path, body }: Command): Promise<Reply> => {
    const nonce = random.bytes(adminNonceLength);
    const notAfterMs = clock.wallMs() + adminRequestLifetimeMs;
    const { networkId } = keys.genesis;
    const signature = signAdminRequest(networkId, keys.admin, { method, path, body }, { node, nonce, notAfterMs });
    const reply = await call({ method, ip, port, path, headers: { [adminSignatureHeader]: signature }, body, timeoutMs });
    if (reply === undefined) return { ok: false, why: "no answer", reason: "no-answer" };
    const verdict = checkAdminAnswer({ networkId, node, nonce }, reply, reply.header(adminSignatureHeader));
    if (!verdict.ok) return { ok: false, why: `the answer is not the node's: ${verdict.why}` };
    if (reply.status < 300) return { ok: true, status: reply.status, body: reply.body };
    const why = Buffer.from(reply.body).toString().slice(0, 200);
    return { ok: false, why, ...(reply.status === refusedStatus ? { reason: "refused" } : {}) };
  };
  const put = async (at: CommandPlace, path: string, body: Uint8Array): Promise<CommandOutcome> => {
    const reply = await send({ at, method: "PUT", path, body });
    return reply.ok ? { ok: true } : reply;
  };
  const statement = async (at: CommandPlace, path: string, body: Uint8Array): Promise<StatementOutcome> => {
    const reply = await send({ at, method: "POST", path, body });
    if (reply.ok) return readStatement(reply);
    const { ok: _, ...failure } = reply;
    return { kind: "failed", ...failure };
  };
  return {
    grant: (at) => put(at, "/v1/grant", createGrant(keys.genesis, keys.owner, { peerId: at.node, notAfterMs: 0 })),
    certify: (at, certificate) => put(at, "/v1/certificate", certificate),
    leave: (at, { statement, witness }) =>
      put(at, "/v1/leave", textBytes(JSON.stringify({ statement: base64url(statement), witness: base64url(witness) }))),
    tellPeers: (at, peers) => put(at, "/v1/peers", textBytes(JSON.stringify(peers))),
    setDesired: (at, state) => put(at, "/v1/desired", textBytes(JSON.stringify({ state }))),
    safeToStop: (at, purpose) => statement(at, "/v1/safe-to-stop", textBytes(JSON.stringify({ purpose }))),
    witnessStop: (at, bytes) => statement(at, "/v1/stop-witness?of=network", bytes),
  };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

const signedBody = z.object({ signed: z.base64url() });

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

function readStatement({ status, body }: Reply & { readonly ok: true }): StatementOutcome {
  if (status === 202) return { kind: "working" };
  const parsed = signedBody.safeParse(parseJson(body));
  if (!parsed.success) return { kind: "failed", why: "the answer holds no statement" };
  return { kind: "signed", bytes: new Uint8Array(Buffer.from(parsed.data.signed, "base64url")) };
}
