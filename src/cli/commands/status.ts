// `vaultfarm status`: how a local farm is, as a table or in the agreed JSON shape.
import { resolve } from "node:path";
import type { CommandWorld } from "../command-world.ts";
import { statusPlace, statusText } from "../farm-text.ts";
import { viewFarm } from "../local-farm/farm-view.ts";
import { findFarm } from "../local-farm/find-farm.ts";
import type { Output } from "../output.ts";
import type { FarmChoice } from "./down.ts";

/** `wide`: each vault and the faults of nodes too; `json`: as `--json`. */
export type StatusOptions = FarmChoice & { readonly output?: "wide" | "json" };

/** Shows the farm. Rejects with a `FarmError` where there is none. */
export async function status(world: CommandWorld, output: Output, choice: StatusOptions): Promise<void> {
  const { folder, state } = await findFarm(resolve(world.workFolder, choice.data), choice.name);
  const glance = await viewFarm(folder, state);
  output.json(glance.view);
  output.line(statusText(glance, { ...statusPlace(world, folder.root), wide: choice.output === "wide" }));
}
