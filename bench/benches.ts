// The list of benches, written out.
import { bench as detection } from "./detection.ts";
import { bench as directory } from "./directory.ts";
import { bench as durability } from "./durability.ts";
import { bench as gateway } from "./gateway.ts";
import { bench as growth } from "./growth.ts";
import { bench as kube } from "./kube.ts";
import { bench as lane } from "./lane.ts";
import { bench as memory4Gib } from "./memory-4gib.ts";
import { bench as nodeMemory } from "./node-memory.ts";
import { bench as object } from "./object.ts";
import { bench as operator } from "./operator.ts";
import { bench as reconcile } from "./reconcile.ts";
import { bench as repair } from "./repair.ts";
import type { Bench } from "./result.ts";
import { bench as selfEncryption } from "./self-encryption.ts";
import { bench as small } from "./small.ts";
import { bench as soak } from "./soak.ts";
import { bench as start } from "./start.ts";
import { bench as store } from "./store.ts";

export const benches: readonly Bench[] = [
  selfEncryption,
  lane,
  directory,
  object,
  small,
  gateway,
  memory4Gib,
  nodeMemory,
  store,
  start,
  reconcile,
  repair,
  detection,
  durability,
  growth,
  kube,
  operator,
  soak,
];
