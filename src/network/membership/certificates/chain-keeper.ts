// Keeps the book of confirmed nodes on disk, and tells who wants to know when it changes.
import type { ChainHead, ReadCertificate } from "../../../protocol/certificate.ts";
import type { Genesis } from "../../../protocol/genesis.ts";
import type { Log } from "../../../runtime/log.ts";
import type { CertificateStore } from "./certificate-store.ts";
import { type CertificateOffer, type ConfirmedBook, createConfirmedBook } from "./confirmed-book.ts";

type ChangeListener = (head: ChainHead, certificate: ReadCertificate) => void;

export type ChainKeeper = {
  readonly book: ConfirmedBook;
  /** Takes in what was kept. */
  load(): Promise<void>;
  /** Takes in a certificate; one that is fresh is on disk once resolved. Rejects where the disk fails. */
  take(bytes: Uint8Array): Promise<CertificateOffer>;
  onChange(listener: ChangeListener): () => void;
  /** Resolves once nothing is being written. */
  idle(): Promise<void>;
};

export type KeeperParts = {
  readonly genesis: Genesis;
  readonly store: Pick<CertificateStore, "loadChain" | "saveChain">;
  readonly log: Log;
  /** The owner's word replaced certificates: called before the new chain is kept. */
  readonly onReplaced: () => Promise<void>;
};

export function createChainKeeper({ genesis, store, log, onReplaced }: KeeperParts): ChainKeeper {
  const book = createConfirmedBook(genesis);
  const listeners = new Set<ChangeListener>();
  let writing: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    const mine = writing.then(() => store.saveChain(book.all()));
    writing = mine.catch((cause: unknown) => log.error("the certificates of membership cannot be written", { cause }));
    return mine;
  };
  const take = async (bytes: Uint8Array): Promise<CertificateOffer> => {
    const offered = book.offer(bytes);
    if (offered.kind !== "fresh") return offered;
    if (offered.replaced > 0) {
      log.warn("certificates of the nodes gave way to one by the owner", { replaced: offered.replaced });
      await onReplaced();
    }
    await write();
    for (const listener of [...listeners]) listener(book.head(), offered.certificate);
    return offered;
  };
  return {
    book,
    load: async () => {
      for (const bytes of await store.loadChain()) {
        const offered = book.offer(bytes);
        if (offered.kind !== "fresh")
          return log.warn("a kept certificate does not continue the chain; the rest is asked of others", offered);
      }
    },
    take,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    idle: () => writing,
  };
}
