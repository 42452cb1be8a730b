// When this node proposes: what it wants must have lasted, the nodes closer to the statement had their turn, and enough
// confirmed nodes are reachable. One proposal at a time; those that come to nothing are tried again, more and more rarely.
import { type MembershipStatement, statementId } from "../../../protocol/certificate.ts";
import type { Genesis } from "../../../protocol/genesis.ts";
import type { JoinerGrant } from "../../../protocol/messages/membership-votes.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { Log } from "../../../runtime/log.ts";
import type { Random } from "../../../runtime/random.ts";
import type { Peers } from "../../peers.ts";
import type { CertificateLimits } from "./certificate-limits.ts";
import type { ChainExchange } from "./chain-exchange.ts";
import type { ChainKeeper } from "./chain-keeper.ts";
import type { GrantBook } from "./grant-book.ts";
import { type ProposalOutcome, type ProposerParts, propose } from "./proposer.ts";
import type { Voter } from "./voter.ts";
import { type FarmSight, hasQuorum, reachableOf, turnOf, wantedStatement } from "./wanted.ts";

/** What came of proposals since the start. */
export type ProposalCounts = Readonly<Record<ProposalOutcome["kind"], number>>;

export type TurnsParts = {
  readonly peers: Pick<Peers, "self">;
  readonly genesis: Genesis;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly keeper: ChainKeeper;
  readonly grants: GrantBook;
  readonly exchange: ChainExchange;
  readonly ask: ProposerParts["ask"];
  readonly sight: () => FarmSight;
};

export type Turns = {
  /** Looks whether it is this node's turn. */
  tick(voter: Voter): void;
  counts(): ProposalCounts;
  stop(): void;
};

type Wish = { readonly id: string; readonly sinceMs: number; failures: number; notBeforeMs: number };

export function createTurns(parts: TurnsParts, limits: CertificateLimits): Turns {
  const { peers, genesis, clock, keeper, random } = parts;
  const counts: Record<ProposalOutcome["kind"], number> = { final: 0, outbid: 0, short: 0, unconvinced: 0, elsewhere: 0 };
  let wish: Wish | undefined;
  let isProposing = false;
  let isStopped = false;
  let heardRound = 0;

  const settle = async (mine: Wish, outcome: ProposalOutcome): Promise<void> => {
    counts[outcome.kind] += 1;
    if (outcome.kind === "outbid") heardRound = Math.max(heardRound, outcome.round);
    if (outcome.kind === "elsewhere") await parts.exchange.meet(outcome.peer);
    if (outcome.kind === "final") await keeper.take(outcome.certificate.bytes);
    mine.failures += 1;
    const waitMs = Math.min(limits.retryMaxMs, limits.retryMs * 2 ** Math.min(mine.failures, 10));
    mine.notBeforeMs = clock.monotonicMs() + waitMs * (0.5 + random.fraction());
  };
  const tryOnce = async (mine: Wish, statement: MembershipStatement, sight: FarmSight, above: number): Promise<void> => {
    const head = keeper.book.head();
    const voters = reachableOf(head, sight);
    const proposal = { head, statement, grants: grantsFor(parts.grants, statement), voters, above };
    const outcome = await propose({ self: peers.self, genesis, ask: parts.ask }, proposal);
    if (!isStopped) await settle(mine, outcome);
  };
  const tick = (voter: Voter): void => {
    const head = keeper.book.head();
    const state = voter.state();
    if (isProposing || state === undefined || !head.confirmed.has(peers.self)) return;
    const sight = parts.sight();
    // What was signed and is not final yet comes first: it may be final elsewhere.
    const statement = state.signed?.statement ?? wantedStatement(head, sight, limits);
    if (statement === undefined || !hasQuorum(head, sight)) {
      wish = undefined;
      return;
    }
    const id = statementId(genesis.networkId, statement);
    const nowMs = clock.monotonicMs();
    if (wish?.id !== id) {
      const behind = turnOf(id, candidates(head.confirmed, statement, sight), peers.self);
      wish = { id, sinceMs: nowMs, failures: 0, notBeforeMs: nowMs + limits.settleMs + behind * limits.takeOverMs };
      heardRound = 0;
    }
    if (nowMs < wish.notBeforeMs) return;
    isProposing = true;
    void tryOnce(wish, statement, sight, Math.max(heardRound, state.promised))
      .catch((cause: unknown) => parts.log.error("a membership certificate could not be kept", { cause }))
      .finally(() => {
        isProposing = false;
      });
  };
  return {
    tick,
    counts: () => ({ ...counts }),
    stop: () => {
      isStopped = true;
    },
  };
}

function candidates(confirmed: ReadonlySet<PeerId>, { leaving }: MembershipStatement, { self, seen }: FarmSight): readonly PeerId[] {
  return [...confirmed].filter((peer) => !leaving.includes(peer) && (peer === self || seen.get(peer)?.presence === "live"));
}

function grantsFor(grants: GrantBook, { joining }: MembershipStatement): readonly JoinerGrant[] {
  return joining.flatMap((node) => {
    const grant = grants.get(node);
    return grant === undefined ? [] : [{ node, grant }];
  });
}
