// The list of benches, written out.
import { bench as lane } from "./lane.ts";
import type { Bench } from "./result.ts";
import { bench as selfEncryption } from "./self-encryption.ts";

export const benches: readonly Bench[] = [selfEncryption, lane];
