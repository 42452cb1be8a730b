// What a node can be at fault for towards another, in the words that metrics, status, page and command line share.

/**
 * wrong-proof, missing, late, silent: in an audit · put-off: in an audit or a comparison, beyond all patience · refused: copies,
 * beyond all patience and against its own record · wrong-bytes: served other bytes than asked for · malformed, not-converged: in a comparison.
 */
export const peerFaults = [
  "wrong-proof",
  "missing",
  "late",
  "silent",
  "put-off",
  "refused",
  "wrong-bytes",
  "malformed",
  "not-converged",
] as const;
export type PeerFault = (typeof peerFaults)[number];

/** Faults of one node that others counted: by kind, and by how many nodes. A node that lies can add to the counts, not to the number of nodes. */
export type SeenFaults = { readonly byNodes: number; readonly counts: Readonly<Record<string, number>> };
