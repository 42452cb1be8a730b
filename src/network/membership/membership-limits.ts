// The limits of membership, each with its unit and reason.

/** Times in milliseconds of the monotonic clock. */
export type MembershipLimits = {
  /** Between two reconciliations with a random peer; each is jittered by half. */
  readonly reconcileEveryMs: number;
  /** Rounds of one reconciliation: with 1,024 heads a round it covers the largest directory several times. */
  readonly reconcileRoundsMax: number;
  /** Connections this side opens by itself; others are opened by requests. */
  readonly connectionsMax: number;
  /** Attempts to reach nodes at the same time. */
  readonly attemptsMax: number;
  /** How long one attempt or exchange may take. */
  readonly requestTimeoutMs: number;
  /** How long a goodbye waits for its receivers: a node that stops has little time. */
  readonly goodbyeTimeoutMs: number;
  /** First and longest wait between attempts while few nodes are unreachable. */
  readonly redialFirstMs: number;
  readonly redialMaxMs: number;
  /**
   * A connection over which attempts were in vain for so long is given up and dialled anew: a cut link closes none, and once it is
   * mended the system's own tries on one are up to two minutes apart.
   */
  readonly deafMs: number;
  /** For each unreachable node the longest wait rises by this, so that a hundred dead nodes cost no more than a few. */
  readonly redialPerNodeMs: number;
  /** Peers to which a record learned from others is passed on; reconciliation reaches the rest. */
  readonly forwardFanOut: number;
  /** How long records are gathered before they are passed on together. */
  readonly forwardDelayMs: number;
  /** Records of one node are passed on at most this often: a node that signs thousands costs only its neighbours. */
  readonly forwardEveryMs: number;
  /** Pushed bytes a peer may send at once, and for each second: about 200 signatures a second at 330 bytes each. */
  readonly pushBurstBytes: number;
  readonly pushBytesPerSecond: number;
  /**
   * Pushed bytes beyond that, which are ignored, before they are offences: a directory of 10,000 nodes is 13 MiB, and while all of them repair
   * their news come at twice the rate. Who pushes is told no, and an honest peer stops there.
   */
  readonly ignoredBurstBytes: number;
  readonly ignoredBytesPerSecond: number;
  /** Questions about records that a peer may ask at once, and a second: one meeting asks at most 65, and comes every 2.5 s at the soonest. */
  readonly questionBurst: number;
  readonly questionsPerSecond: number;
  /** Offences after which a peer is disconnected and its gossip ignored, for how long. */
  readonly offencesMax: number;
  readonly blockMs: number;
  /** How often own timers are looked at. */
  readonly tickMs: number;
  /** An own timer this late, or a wall clock stepping this far, is a pause of this machine (protocol: 2 s and 5 s). */
  readonly pauseLateMs: number;
  readonly wallStepMs: number;
  /** After its start or a pause a peer is no witness and confirms nobody for this long (protocol: 2 min). */
  readonly confirmQuietMs: number;
  /** A suspicion that lasted this long is told: shorter ones are stalls of a machine. */
  readonly tellAfterMs: number;
  /** A lasting suspicion is told again this often, and its word counts for three times as long. */
  readonly tellEveryMs: number;
  readonly testimonyMs: number;
  /** Nodes asked about a silent one. */
  readonly panelSize: number;
  /** A node that others call silent is asked by this side at most this often. */
  readonly probeEveryMs: number;
  /** Messages about suspicions that a peer may send at once, and a second: one for each node it withdraws, then one every few seconds. */
  readonly suspicionBurst: number;
  readonly suspicionsPerSecond: number;
  /** The cache is written at most this often. */
  readonly cacheEveryMs: number;
  /** Bootstrap addresses remembered, the newest. */
  readonly bootstrapMax: number;
};

const kib = 1024;
const mib = 1024 * kib;

export const membershipLimits: MembershipLimits = {
  reconcileEveryMs: 5_000,
  reconcileRoundsMax: 64,
  connectionsMax: 64,
  attemptsMax: 16,
  requestTimeoutMs: 2_000,
  goodbyeTimeoutMs: 500,
  redialFirstMs: 250,
  redialMaxMs: 1_500,
  deafMs: 10_000,
  redialPerNodeMs: 50,
  forwardFanOut: 3,
  forwardDelayMs: 30,
  forwardEveryMs: 200,
  pushBurstBytes: 2 * mib,
  pushBytesPerSecond: 64 * kib,
  ignoredBurstBytes: 16 * mib,
  ignoredBytesPerSecond: 512 * kib,
  questionBurst: 512,
  questionsPerSecond: 32,
  offencesMax: 8,
  blockMs: 60_000,
  tickMs: 250,
  pauseLateMs: 2_000,
  wallStepMs: 5_000,
  confirmQuietMs: 120_000,
  tellAfterMs: 300,
  tellEveryMs: 5_000,
  testimonyMs: 15_000,
  panelSize: 8,
  probeEveryMs: 2_000,
  suspicionBurst: 64,
  suspicionsPerSecond: 4,
  cacheEveryMs: 2_000,
  bootstrapMax: 256,
};
