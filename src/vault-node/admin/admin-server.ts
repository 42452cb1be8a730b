// The admin port: commands signed by the farm's admin key, answers signed by the node. Whatever is not signed for this
// node, now and for the first time is refused before a command sees it.

import type { Address } from "../../protocol/address.ts";
import { type AdminRefusalCode, adminSignatureHeader, checkAdminRequest, signAdminAnswer } from "../../protocol/admin-request.ts";
import { textBytes } from "../../protocol/bytes.ts";
import type { PublicKey, SigningKey } from "../../protocol/keys.ts";
import { createNonceCache } from "../../protocol/nonce-cache.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import { createHttpServer, type HttpAnswer, type HttpHandler, type HttpServer, problemAnswer } from "../../runtime/http-server.ts";
import type { Log } from "../../runtime/log.ts";
import type { Listening } from "../health/health-server.ts";
import { type CommandParts, runCommand } from "./commands.ts";

export type AdminParts = CommandParts & {
  readonly networkId: Address;
  /** Who may command. */
  readonly adminKey: PublicKey;
  readonly nodeKey: SigningKey;
  readonly clock: Clock;
  readonly log: Log;
};

const limits = { bodyMax: 64 * 1024, connectionsMax: 32, requestTimeoutMs: 10_000 };

const refusalStatus: Readonly<Record<AdminRefusalCode, number>> = {
  unsigned: 401,
  malformed: 400,
  "not-authorised": 403,
  "other-node": 421,
  mismatch: 403,
  expired: 403,
  replayed: 409,
};

/** The server, not yet listening. */
export function createAdminServer(parts: AdminParts, { ip, port }: Listening): HttpServer {
  return createHttpServer(
    { name: "admin server", ip, port, portSetting: "VAULTFARM_PORT_ADMIN", ...limits },
    createAdminHandler(parts),
    parts.log,
  );
}

/** What the server answers. */
export function createAdminHandler(parts: AdminParts): HttpHandler {
  const { networkId, adminKey, nodeKey, clock, log } = parts;
  const node = peerIdFromPublicKey(nodeKey.publicKey);
  const nonces = createNonceCache();
  return async (request) => {
    const signed = { method: request.method, path: request.target, body: request.body };
    const gate = { networkId, adminKey, node, nonces, wallMs: clock.wallMs() };
    const verdict = checkAdminRequest(gate, signed, request.header(adminSignatureHeader));
    if (!verdict.ok) {
      log.debug("an admin request was refused", { code: verdict.code });
      return problemAnswer(refusalStatus[verdict.code], verdict.code, verdict.why);
    }
    return signAnswer(await runCommand(parts, request), verdict.value.nonce);
  };
  function signAnswer(answer: HttpAnswer, nonce: Uint8Array): HttpAnswer {
    const body = typeof answer.body === "string" ? textBytes(answer.body) : answer.body;
    if (!(body instanceof Uint8Array)) throw new TypeError("an admin answer is signed as a whole");
    const header = signAdminAnswer(networkId, nodeKey, nonce, { status: answer.status, body });
    return { ...answer, headers: { ...answer.headers, [adminSignatureHeader]: header }, body };
  }
}
