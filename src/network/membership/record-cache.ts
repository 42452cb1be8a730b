// The port of the record cache: what a peer knew when it stopped, so that it finds the network again without bootstrap.

export type RecordCache = {
  /** The records saved last, unverified; none where there is no cache or it cannot be read. Never rejects. */
  load(): Promise<readonly Uint8Array[]>;
  /** Replaces what is saved, whole. Rejects where it cannot be written. */
  save(records: readonly Uint8Array[]): Promise<void>;
};
