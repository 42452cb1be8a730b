// The libp2p host: TCP, Noise with the network key mixed into its prologue, yamux; nothing that dials or speaks by itself.
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Libp2p } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { concatBytes, textBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { gathering, inOneWrite } from "./gathered-sends.ts";
import { noiseCipher } from "./noise-cipher.ts";
import type { TransportLimits } from "./transport-limits.ts";

/** Ports 0 = any free one; `announceIp` is what `addresses()` names instead of `ip`, `heartbeatPort` what it names beside the others. */
export type ListenOptions = {
  readonly ip: string;
  readonly libp2p: number;
  readonly lane: number;
  readonly announceIp?: string;
  readonly heartbeatPort?: () => number;
};
export type HostOptions = {
  /** 32-byte seed of the node's ed25519 key. */
  readonly seed: Uint8Array;
  readonly networkKey?: Uint8Array;
  /** Absent for a peer that only dials. */
  readonly listen?: ListenOptions;
};

/**
 * What a peer may send ahead on a stream that is not read, bytes: as much as the library holds of one (`maxReadBufferLength`). Beyond
 * it resets the stream, and with the 16 MiB up to which a window grows by itself that hit who only used what it had been granted.
 */
const streamWindowMax = 4 * 1024 * 1024;

/** A host that is not started yet; `blocked` names peers whose connections are refused. */
export async function createHost(options: HostOptions, limits: TransportLimits, blocked: (peer: string) => boolean): Promise<Libp2p> {
  const { listen } = options;
  const encrypter = noise({ crypto: noiseCipher, ...prologueOf(options.networkKey) });
  const muxer = yamux({ streamOptions: { inactivityTimeout: limits.socketIdleMs, maxStreamWindowSize: streamWindowMax } });
  const socket = { outboundSocketInactivityTimeout: limits.socketIdleMs, inboundSocketInactivityTimeout: limits.socketIdleMs };
  return createLibp2p({
    start: false,
    privateKey: await generateKeyPairFromSeed("Ed25519", options.seed),
    addresses: { listen: listen === undefined ? [] : [multiaddrText(listen.ip, listen.libp2p)] },
    transports: [tcp(socket)],
    connectionEncrypters: [(components) => inOneWrite(encrypter(components))],
    streamMuxers: [() => gathering(muxer())],
    connectionManager: {
      maxConnections: limits.connectionsMax,
      // All nodes of a farm may share one address: the library's default of 5 a second would lock them out at start.
      inboundConnectionThreshold: limits.inboundConnectionsPerSecond,
      maxIncomingPendingConnections: limits.pendingConnectionsMax,
      inboundUpgradeTimeout: limits.upgradeMs,
      dialTimeout: limits.dialMs,
      addressDialTimeout: limits.dialMs,
      // Membership redials by its own rules.
      reconnectRetries: 0,
    },
    // It aborts healthy busy connections (js-libp2p issues 3463, 3504); death is told by closing and by the detector.
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false, denyInboundEncryptedConnection: (peer) => blocked(peer.toString()) },
  });
}

/** `/ip4/…/tcp/…` or `/ip6/…`. */
export function multiaddrText(ip: string, port: number): string {
  return `/${ip.includes(":") ? "ip6" : "ip4"}/${ip}/tcp/${port}`;
}

function prologueOf(networkKey: Uint8Array | undefined): { readonly prologueBytes?: Uint8Array } {
  return networkKey === undefined ? {} : { prologueBytes: hash(concatBytes(textBytes("vaultfarm network"), networkKey)) };
}
