// A real API server that has the kinds, and the whole operator at it: for tests of what the server makes of the operator's
// objects. No pod ever runs.

import { readConfig } from "../../src/operator/config.ts";
import type { KubeClient } from "../../src/operator/kube/index.ts";
import { createOperator } from "../../src/operator/operator.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { type ApiServer, openTestClient, startApiServer } from "./api-server.ts";
import { bringKinds } from "./bring-kinds.ts";

/** The operator's own namespace; it watches all. */
const namespace = "default";

export type OperatedServer = {
  readonly client: KubeClient;
  /** Starts an operator that comes with `image`; one at a time. `identity`: under which it leads. */
  startOperator(parts?: { readonly image: string; readonly identity: string }): Promise<void>;
  stopOperator(): Promise<void>;
  /** Ends all of it. */
  stop(): Promise<void>;
};

/** Starts the server, and waits until it serves the kinds; no operator runs yet. Throws with what to install where a program is missing. */
export async function startOperatedServer(): Promise<OperatedServer> {
  const server = await startApiServer();
  const client = openTestClient(server);
  let operator: ReturnType<typeof createOperator> | undefined;
  const stopOperator = async (): Promise<void> => {
    await operator?.stop();
    operator = undefined;
  };
  const stop = async (): Promise<void> => {
    await stopOperator();
    await client.close();
    await server.stop();
  };
  try {
    await bringKinds(client);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    client,
    startOperator: async (parts = { image: "vaultfarm:test", identity: "one" }) => {
      operator = createOperator(configOf(parts), toolsAt(server));
      await operator.start(new AbortController().signal);
    },
    stopOperator,
    stop,
  };
}

function configOf({ image, identity }: { readonly image: string; readonly identity: string }): ReturnType<typeof readConfig> {
  return readConfig({
    VAULTFARM_OPERATOR_NAMESPACE: namespace,
    VAULTFARM_OPERATOR_IDENTITY: identity,
    VAULTFARM_OPERATOR_IMAGE: image,
    VAULTFARM_OPERATOR_LISTEN_IP: "127.0.0.1",
    VAULTFARM_OPERATOR_PORT: "19196",
  });
}

function toolsAt({ kubeconfig }: ApiServer): Parameters<typeof createOperator>[1] {
  return { clock: systemClock, random: systemRandom, log: silentLog, env: { KUBECONFIG: kubeconfig } };
}
