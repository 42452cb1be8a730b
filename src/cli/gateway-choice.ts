// Which gateway a command talks to: the one named with --gateway, or the first of the local farm that has a process.
import { resolve } from "node:path";
import { CommandError } from "./command-error.ts";
import type { CommandWorld } from "./command-world.ts";
import { exitCodes } from "./exit-code.ts";
import type { Gateway } from "./http-client.ts";
import { findFarm } from "./local-farm/find-farm.ts";
import { readRunningMembers } from "./local-farm/run-file.ts";

export type GatewayOptions = { readonly gateway?: string; readonly data: string; readonly name?: string };

/** The gateway to use. Rejects with a `CommandError` or `FarmError` that says how to get one. */
export async function chooseGateway(world: CommandWorld, options: GatewayOptions): Promise<Gateway> {
  return { url: await chooseUrl(world, options), look: "vaultfarm status" };
}

async function chooseUrl(world: CommandWorld, options: GatewayOptions): Promise<URL> {
  if (options.gateway !== undefined) return parseGateway(options.gateway);
  const { folder, state } = await findFarm(resolve(world.workFolder, options.data), options.name);
  const running = await readRunningMembers(folder.run);
  const gateway = state.gateways.find(({ name }) => running.some((member) => member.name === name));
  if (gateway !== undefined) return new URL(`http://127.0.0.1:${gateway.port}/`);
  const why =
    running.length === 0 ? `the farm ${state.name} does not run; start it with: vaultfarm up` : `no gateway of ${state.name} runs`;
  throw new CommandError(exitCodes.unreachable, "not-running", why);
}

function parseGateway(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new CommandError(
      exitCodes.usage,
      "bad-gateway",
      `--gateway: expected an address such as http://127.0.0.1:8080, got ${JSON.stringify(text)}`,
    );
  // Without a slash at its end the last part of a path would be replaced by what is asked for.
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}
