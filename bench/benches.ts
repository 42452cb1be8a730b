// The list of benches, written out.
import type { Bench } from "./result.ts";

export const benches: readonly Bench[] = [];
