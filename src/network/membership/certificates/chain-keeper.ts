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
  /**
   * Takes in a certificate, in the book at once; it is on disk once resolved, unless it is refused or outdone. Rejects where the disk fails: it is kept
   * at the next call then, for this certificate or another.
   */
  take(bytes: Uint8Array): Promise<CertificateOffer>;
  /** Keeps what the disk refused before. Rejects where it still does. */
  retry(): Promise<void>;
  onChange(listener: ChangeListener): () => void;
  /** Resolves once nothing is being written. */
  idle(): Promise<void>;
};

export type KeeperParts = {
  readonly genesis: Genesis;
  readonly store: Pick<CertificateStore, "loadChain" | "saveChain">;
  readonly log: Log;
  /** The owner's word replaced certificates: called before the new chain is kept, again where it failed. */
  readonly onReplaced: () => Promise<void>;
};

type Fresh = Extract<CertificateOffer, { readonly kind: "fresh" }>;

export function createChainKeeper({ genesis, store, log, onReplaced }: KeeperParts): ChainKeeper {
  const book = createConfirmedBook(genesis);
  const listeners = new Set<ChangeListener>();
  // In the book and not on disk yet: nobody was told of them.
  const unkept: Fresh[] = [];
  let owesReset = false;
  let writing: Promise<void> = Promise.resolve();
  // Before the chain and not without it: votes for a later place than the chain's next would silence this node.
  const resetOwed = async (): Promise<void> => {
    if (!owesReset) return;
    owesReset = false;
    try {
      await onReplaced();
    } catch (cause) {
      owesReset = true;
      throw cause;
    }
  };
  const keepAll = async (): Promise<void> => {
    const mine = [...unkept];
    if (mine.length === 0) return;
    await resetOwed();
    await store.saveChain(book.all());
    unkept.splice(0, mine.length);
    for (const { certificate } of mine) {
      // Another may have taken its place while the disk refused it.
      if (book.has(certificate.id)) for (const listener of [...listeners]) listener(book.head(), certificate);
    }
  };
  const keep = (): Promise<void> => {
    const mine = writing.then(keepAll);
    writing = mine.catch((cause: unknown) => log.error("the certificates of membership cannot be written", { cause }));
    return mine;
  };
  const take = async (bytes: Uint8Array): Promise<CertificateOffer> => {
    const offered = book.offer(bytes);
    if (offered.kind === "fresh") {
      unkept.push(offered);
      if (offered.replaced > 0) log.warn("certificates of the nodes gave way to one by the owner", { replaced: offered.replaced });
      owesReset ||= offered.replaced > 0;
    }
    if (offered.kind === "fresh" || offered.kind === "known") await keep();
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
    retry: keep,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    idle: () => writing,
  };
}
