// How many things of a kind may be under way at once; one more is told to come back instead of waiting in a queue.
import { GatewayError } from "./errors.ts";

export type Slots = {
  /** Runs `work` in a slot. Throws a GatewayError `busy` where all are taken. */
  run<T>(work: () => Promise<T>): Promise<T>;
  taken(): number;
  isFull(): boolean;
};

/** `max` slots for `what` ("uploads"). */
export function createSlots(what: string, max: number): Slots {
  let taken = 0;
  return {
    run: async (work) => {
      if (taken >= max) throw new GatewayError("busy", `${max} ${what} are under way already; try again soon`);
      taken += 1;
      try {
        return await work();
      } finally {
        taken -= 1;
      }
    },
    taken: () => taken,
    isFull: () => taken >= max,
  };
}
