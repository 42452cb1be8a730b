// What agreeing on certificates must not forget: the chain, and what this node promised and signed for the next place in it.
import { concatBytes } from "../../../protocol/bytes.ts";
import { readFileIfThere, writeFileAtomic } from "../../../runtime/atomic-file.ts";
import type { Log } from "../../../runtime/log.ts";
import { certificateFile, createFileRecordCache } from "../file-record-cache.ts";

export type CertificateStore = {
  /** The certificates that were kept, in order; none where nothing can be read. */
  loadChain(): Promise<readonly Uint8Array[]>;
  /** On disk once resolved. */
  saveChain(certificates: readonly Uint8Array[]): Promise<void>;
  loadVotes(): Promise<Uint8Array | undefined>;
  /** On disk once resolved. */
  saveVotes(bytes: Uint8Array): Promise<void>;
};

/** A store in these two files; their folder must exist. */
export function createFileCertificateStore(paths: { readonly chain: string; readonly votes: string }, log: Log): CertificateStore {
  const chain = createFileRecordCache(paths.chain, log, certificateFile);
  return {
    loadChain: chain.load,
    saveChain: chain.save,
    loadVotes: () => readFileIfThere(paths.votes),
    saveVotes: (bytes) => writeFileAtomic(paths.votes, bytes),
  };
}

/** A store that lasts as long as it is held: for peers that sign nothing, and for simulated nodes, whose disk outlives them. */
export function createMemoryCertificateStore(): CertificateStore {
  let chain: readonly Uint8Array[] = [];
  let votes: Uint8Array | undefined;
  return {
    loadChain: async () => chain,
    saveChain: async (certificates) => {
      chain = [...certificates];
    },
    loadVotes: async () => votes,
    saveVotes: async (bytes) => {
      votes = concatBytes(bytes);
    },
  };
}
