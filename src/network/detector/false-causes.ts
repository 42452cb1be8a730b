// Why a suspicion was false, told from the first heartbeat after it: its number shows what was lost on the way, and its
// sender says how late it was itself.
import type { Beat } from "../../protocol/heartbeat.ts";

/** stalled: the node itself stood still · lost: it sent, and some never came · delayed: it sent, and all came late. */
export const falseCauses = ["stalled", "lost", "delayed"] as const;
export type FalseCause = (typeof falseCauses)[number];

export type FalseCauses = {
  /** A node was suspected after `silentMs`. */
  suspected(subject: string, silentMs: number): void;
  /** A heartbeat of it came; `before`: the last number before it. */
  heard(subject: string, beat: Beat, before: number): void;
  /** The cause of the suspicion that was just taken back. */
  take(subject: string): FalseCause;
  forget(): void;
};

/** No suspicion yet. */
export function createFalseCauses(): FalseCauses {
  const silences = new Map<string, { readonly silentMs: number; cause: FalseCause | undefined }>();
  return {
    suspected: (subject, silentMs) => void silences.set(subject, { silentMs, cause: undefined }),
    heard: (subject, beat, before) => {
      const silence = silences.get(subject);
      if (silence === undefined || silence.cause !== undefined) return;
      const ownFault = beat.lateMs >= (silence.silentMs - beat.intervalMs) / 2;
      silence.cause = ownFault ? "stalled" : beat.sequence > before + 1 ? "lost" : "delayed";
    },
    take: (subject) => {
      const cause = silences.get(subject)?.cause ?? "delayed";
      silences.delete(subject);
      return cause;
    },
    forget: () => silences.clear(),
  };
}
