// Proves that client and reflector do what their contract says, over HTTP/1.1 and HTTP/2. Method: the in-process API
// server, which passes the same contract as the real one (test/cluster).
import { after, before, describe } from "node:test";
import { type FakeApiServer, startFakeApiServer } from "../../../test/support/fake-api-server.ts";
import { kubeApiContract } from "../../../test/support/kube-api.contract.ts";
import { configMaps, deployments } from "../../../test/support/kube-kinds.ts";
import { silentKubeMetrics } from "../../../test/support/kube-silence.ts";
import { systemClock } from "../../runtime/clock.ts";
import { systemRandom } from "../../runtime/random.ts";
import type { KubeClient } from "./client.ts";
import { openKubeClient } from "./open-client.ts";

for (const protocol of ["http1", "http2"] as const) {
  describe(`over ${protocol}`, () => {
    let server: FakeApiServer | undefined;
    let client: KubeClient | undefined;
    before(async () => {
      server = await startFakeApiServer({ resources: [configMaps, deployments], protocol });
      const config = {
        server: server.url,
        namespace: "default",
        source: "test",
        tls: { verify: true, files: async () => ({}) },
        token: async () => undefined,
      };
      const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
      client = openKubeClient(config, tools, { fieldManager: "test", userAgent: "test/1", protocol });
    });
    after(async () => {
      await client?.close();
      await server?.stop();
    });
    kubeApiContract("the contract of client and server", () => {
      if (client === undefined) throw new Error("the server did not start");
      return { client, namespace: "default" };
    });
  });
}
