// Whose turn it is to begin with a lost node, until the caches show it: of farms that are looked at side by side each would find the turn
// free by what the cluster shows. One process looks at all farms; who leads after it decides by what is written in the cluster.
import type { Clock } from "../../runtime/clock.ts";
import type { FarmAction } from "../vault-farm/actions.ts";
import type { FarmGoal } from "../vault-farm/goal.ts";
import type { ObservedFarm } from "../vault-farm/observed.ts";
import { planFarm } from "../vault-farm/plan.ts";
import { unseenMs } from "./farm-caches.ts";
import type { WatchedFarms } from "./watched-farms.ts";

/** The turn as one look at a farm has to do with it. */
export type ReplacingTurn = {
  /** Takes it. The farm that has it, or took it since this look began, where that is another: then it is not taken. */
  take(): string | undefined;
  /** What was planned with it is sent: it is kept until a later look, or as long as a cache may need to show that, if no answer comes. */
  keep(): void;
  giveBack(): void;
  /** The look is over: what was not sent by now will not be. */
  end(): void;
};

/** The turn for a look that begins now. `farm`: namespace/name. */
export type ReplacingTurns = { ofLook(farm: string): ReplacingTurn };

type TurnTools = { readonly watched: Pick<WatchedFarms, "isWorkedOn">; readonly clock: Pick<Clock, "monotonicMs"> };

export function createReplacingTurns({ watched, clock }: TurnTools): ReplacingTurns {
  let holder: { readonly farm: string; readonly untilMs: number } | undefined;
  let last = { farm: "", number: 0 };
  const isHeld = ({ farm, untilMs }: NonNullable<typeof holder>): boolean => clock.monotonicMs() < untilMs && watched.isWorkedOn(farm);
  return {
    ofLook: (farm) => {
      const since = last.number;
      const giveBack = (): void => {
        if (holder?.farm === farm) holder = undefined;
      };
      return {
        take: () => {
          if (holder !== undefined && holder.farm !== farm && isHeld(holder)) return holder.farm;
          // What this look saw of others is older than what that one wrote.
          if (last.number !== since) return last.farm;
          last = { farm, number: since + 1 };
          holder = { farm, untilMs: Number.POSITIVE_INFINITY };
          return undefined;
        },
        keep: () => {
          if (holder?.farm === farm) holder = { farm, untilMs: clock.monotonicMs() + unseenMs };
        },
        giveBack,
        end: () => {
          if (holder?.untilMs === Number.POSITIVE_INFINITY) giveBack();
        },
      };
    },
  };
}

export type Planned = { readonly observed: ObservedFarm; readonly actions: readonly FarmAction[] };

/** The plan, in which a lost node waits where another farm has the turn; where it does not, the turn is taken before anybody else looks. */
export function planInTurn(goal: FarmGoal, observed: ObservedFarm, nowMs: number, turn: Pick<ReplacingTurn, "take" | "giveBack">): Planned {
  const actions = planFarm(goal, observed, nowMs);
  if (!actions.some((action) => begins(action, observed))) {
    turn.giveBack();
    return { observed, actions };
  }
  const other = turn.take();
  if (other === undefined) return { observed, actions };
  const waiting = { ...observed, replacingElsewhere: [...new Set([...observed.replacingElsewhere, other])].sort() };
  return { observed: waiting, actions: planFarm(goal, waiting, nowMs) };
}

function begins(action: FarmAction, { nodes }: ObservedFarm): boolean {
  if (action.kind !== "assign-node" || action.assigned.leaving !== "Replaced") return false;
  return nodes.some(({ name, assigned }) => name === action.name && assigned.leaving !== "Replaced");
}
