// The limits of agreeing on certificates, each with its unit and reason.

/** Times in milliseconds of the monotonic clock. */
export type CertificateLimits = {
  /** How often this node looks whether a certificate is needed. */
  readonly tickMs: number;
  /** A granted node is let in once it has been live for this long: one that comes and goes costs no certificates. */
  readonly joinAfterMs: number;
  /** A node that others confirm as silent for this long is taken out: by then its copies were made elsewhere. */
  readonly lostAfterMs: number;
  /** Others sign that a node is lost from this share of `lostAfterMs` on: they noticed it a little later, or started since. */
  readonly signShare: number;
  /** What is wanted must stay the same for this long, so that nodes lost together leave together. */
  readonly settleMs: number;
  /** The second closest to a statement proposes it this much later than the closest, the third twice as much. */
  readonly takeOverMs: number;
  /** First and longest wait after a proposal that came to nothing; jittered by half, so that two do not outbid each other for ever. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** How long one question may take. */
  readonly requestTimeoutMs: number;
  /** Between two comparisons of the chain with a random peer; each is jittered by half. */
  readonly exchangeEveryMs: number;
  /** Questions of one comparison: 256 certificates each, so that a newcomer soon has the longest chain. */
  readonly exchangeRoundsMax: number;
  /** Peers told at once of a new certificate, and by a node that wants in. */
  readonly fanOut: number;
  /** Questions for a vote that wait here; each costs a write to disk. */
  readonly waitingVotesMax: number;
};

export const certificateLimits: CertificateLimits = {
  tickMs: 1_000,
  joinAfterMs: 10_000,
  lostAfterMs: 600_000,
  signShare: 0.5,
  settleMs: 3_000,
  takeOverMs: 5_000,
  retryMs: 2_000,
  retryMaxMs: 30_000,
  requestTimeoutMs: 2_000,
  exchangeEveryMs: 10_000,
  exchangeRoundsMax: 64,
  fanOut: 8,
  waitingVotesMax: 64,
};
