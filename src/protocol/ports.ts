// The ports of a node, in one place: settings, node records, manifests and network policies take them from here.

/** libp2p (TCP; UDP for QUIC towards the internet). */
export const libp2pPort = 4001;
/** TLS lanes for bulk bytes. */
export const lanePort = 4002;
/** UDP heartbeats. */
export const heartbeatPort = 4003;
/** Health and metrics: read-only, plain HTTP. */
export const healthPort = 9090;
/** Admin commands: signed requests. */
export const adminPort = 9091;
/** The gateway's HTTP port. */
export const gatewayPort = 8080;
