// Names on the control path that both sides must agree on.

/** The libp2p protocol of kept control streams. */
export const controlProtocol = "/vaultfarm/control/1";

/** The lanes' own question, answered by the transport itself: outside the closed list of request kinds. */
export const openLaneCode = 255;
