// TLS of lanes: 1.3 only, with a one-time secret as its pre-shared key and no certificates; see
// docs/decisions/0007-lanes-by-shared-secret.md.
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import type { LaneToken } from "./lane-messages.ts";

/** Takes bytes from a lane, where it can without a copy: see LaneReceiver. `take`: false = stop reading. */
export type Reader = { room(): Uint8Array | undefined; filled(length: number): void; take(bytes: Uint8Array): boolean };

/** One who may open a lane once. */
export type Admission = { readonly lane: number; readonly token: LaneToken };

export type Admissions = {
  /** The admission of an identity without using it up. */
  find(identity: string): Admission | undefined;
  /** The same, and never again. */
  redeem(identity: string): Admission | undefined;
};

// AES first: twice as fast where the processor has it, which all do that run this.
const tlsVersion = {
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
} as const;
// One for all dialled lanes of a thread, for what has no place of its own yet: what is read is taken out before the next read. TLS gives at most 16 KiB at once.
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
export const handshakeMs = 5_000;
// Strangers hold a socket each until their handshake times out.
const pendingMax = 64;
const connectionsMax = 2_048;

/** A listener that hands over each socket whose handshake proved an admitted key, once a token. */
export function createLaneListener(admissions: Admissions, adopt: (socket: TLSSocket, admission: Admission) => void): Server {
  const named = new WeakMap<object, string>();
  const open = { accepted: 0, adopted: 0 };
  const pskCallback = (socket: object, identity: string): Uint8Array | null => {
    named.set(socket, identity);
    return admissions.find(identity)?.token.key ?? null;
  };
  const server = createServer({ ...tlsVersion, handshakeTimeout: handshakeMs, pskCallback }, (socket) => {
    // A resumed session named nobody we know, and the second handshake with one token finds it used up.
    const admission = admissions.redeem(named.get(socket) ?? "");
    if (admission === undefined) return void socket.destroy();
    open.adopted += 1;
    socket.once("close", () => {
      open.adopted -= 1;
    });
    adopt(socket, admission);
  });
  server.maxConnections = connectionsMax;
  server.on("connection", (raw) => {
    if (open.accepted - open.adopted >= pendingMax) return void raw.destroy();
    open.accepted += 1;
    raw.once("close", () => {
      open.accepted -= 1;
    });
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

/** Dials a lane. `reader` gets bytes in its own chunks, or in a buffer that is used again for the next read: half the cost of receiving. */
export function dialLane(target: { readonly ip: string; readonly port: number }, token: LaneToken, reader: Reader): TLSSocket {
  const onBytes = (n: number, buffer: Uint8Array): boolean => {
    if (buffer === readBuffer) return reader.take(readBuffer.subarray(0, n));
    reader.filled(n);
    return true;
  };
  const options = {
    ...tlsVersion,
    host: target.ip,
    port: target.port,
    onread: { buffer: () => reader.room() ?? readBuffer, callback: onBytes },
    pskCallback: () => ({ psk: token.key, identity: token.identity }),
    // Only the key may prove the other side: no authority is trusted, so any certificate fails.
    ca: [],
    checkServerIdentity: (_host: string, certificate: object) =>
      Object.keys(certificate).length === 0 ? undefined : new Error("a lane has no certificate"),
  };
  return connect(options);
}
