// How much an audit may cost the one who answers, and how fast an answer must come to count as read from the own disk.
const mib = 1024 * 1024;

export type AuditLimits = {
  /** Bytes of chunks in one request: two seconds of reading for one asker. */
  readonly bytesPerRequestMax: number;
  /** Bytes read from disk for one auditor, and for all: a second in the long run, and at once. */
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  readonly allBytesPerSecond: number;
  readonly allBurstBytes: number;
  /** Requests of one auditor a second in the long run, and at once. */
  readonly ratePerPeer: number;
  readonly burstPerPeer: number;
  /** An answer is late after this, plus the bytes at this pace, plus four times what reading them here took. */
  readonly graceMs: number;
  readonly readBytesPerSecond: number;
  readonly localFactor: number;
  /** An answer is not waited for longer than this and the bytes at the slow pace. */
  readonly timeoutMs: number;
  readonly slowBytesPerSecond: number;
};

export const auditLimits: AuditLimits = {
  bytesPerRequestMax: 16 * mib,
  bytesPerSecond: 8 * mib,
  burstBytes: 64 * mib,
  allBytesPerSecond: 32 * mib,
  allBurstBytes: 128 * mib,
  ratePerPeer: 20,
  burstPerPeer: 100,
  graceMs: 1000,
  // A slow hard disk reads chunks of 4 MiB at this pace; a fetch over 1 Gbit/s and the way back take longer for large chunks.
  readBytesPerSecond: 50 * mib,
  localFactor: 4,
  timeoutMs: 10_000,
  slowBytesPerSecond: 2 * mib,
};
