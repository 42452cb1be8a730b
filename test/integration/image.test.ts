// Proves that the image made without Docker is the Dockerfile's and the same each time: it is made twice, its settings are
// compared with the Dockerfile's last stage, and its programs run from its own files and libraries alone.
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readLastStage } from "../../bin/image/dockerfile.ts";

type Descriptor = { readonly digest: string; readonly size: number };

const hasApt = spawnSync("apt-get", ["--version"]).status === 0 && spawnSync("dpkg-deb", ["--version"]).status === 0;
const options = hasApt ? {} : { skip: "this machine has no apt-get and dpkg-deb: there the image is made with the Dockerfile" };
const dockerfile = readFileSync("Dockerfile", "utf8");
const stage = readLastStage(dockerfile);
// What its first stage removes before the last one copies.
const removed = [...dockerfile.matchAll(/\brm -rf ([^\n\\&]+)/g)].flatMap(([, paths = ""]) => paths.trim().split(/\s+/));
const folder = mkdtempSync(join(tmpdir(), "image-test-"));
const [layout, root] = [join(folder, "layout"), join(folder, "root")];

function must(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 24 });
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
const make = (name: string, ...tags: readonly string[]): string =>
  must(process.execPath, ["bin/image.ts", "--out", join(folder, name), "--tag", "vaultfarm:test", ...tags]).split(" ")[1] ?? "";
const blob = ({ digest }: Descriptor): string => join(layout, "blobs", "sha256", digest.slice("sha256:".length));
const json = (file: string) => JSON.parse(readFileSync(file, "utf8"));

let first = "";
let manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] };
before(() => {
  if (!hasApt) return;
  first = make("first.tar");
  mkdirSync(layout);
  mkdirSync(root);
  must("tar", ["-xf", join(folder, "first.tar"), "-C", layout]);
  const index = json(join(layout, "index.json"));
  assert.equal(index.manifests[0].digest, first);
  manifest = json(blob(index.manifests[0]));
  // No device and no owner is in it but root and the image's user, so anybody can unpack it.
  for (const layer of manifest.layers) must("tar", ["--no-same-owner", "-xf", blob(layer), "-C", root]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("the same commit gives the same image, whatever its names; an archive has all of them", options, () => {
  assert.match(first, /^sha256:[0-9a-f]{64}$/);
  assert.equal(make("second.tar", "example.org/farm/vaultfarm:next"), first);
  const inside = (name: string) => JSON.parse(must("tar", ["-xOf", join(folder, "second.tar"), `./${name}`]));
  const { manifests } = inside("index.json");
  assert.deepEqual(
    manifests.map((one: { readonly annotations: object }) => Object.values(one.annotations)),
    [
      ["docker.io/library/vaultfarm:test", "test"],
      ["example.org/farm/vaultfarm:next", "next"],
    ],
  );
  for (const one of manifests) assert.equal(one.digest, first);
  assert.deepEqual(inside("manifest.json")[0].RepoTags, ["vaultfarm:test", "example.org/farm/vaultfarm:next"]);
});

test("each blob is what its name says, and both indexes name the same", options, () => {
  for (const one of [manifest.config, ...manifest.layers]) {
    assert.equal(statSync(blob(one)).size, one.size);
    assert.equal(
      `sha256:${createHash("sha256")
        .update(readFileSync(blob(one)))
        .digest("hex")}`,
      one.digest,
    );
  }
  const [docker] = json(join(layout, "manifest.json"));
  assert.deepEqual(docker.RepoTags, ["vaultfarm:test"]);
  assert.deepEqual(
    docker.Layers,
    manifest.layers.map(({ digest }) => `blobs/sha256/${digest.slice(7)}`),
  );
  const { annotations } = json(join(layout, "index.json")).manifests[0];
  assert.equal(annotations["io.containerd.image.name"], "docker.io/library/vaultfarm:test");
});

test("settings and files are the Dockerfile's", options, () => {
  const { config, rootfs } = json(blob(manifest.config));
  assert.deepEqual(config.Entrypoint, stage.entrypoint);
  assert.deepEqual(config.Cmd, stage.cmd);
  assert.equal(config.User, stage.user);
  assert.equal(config.WorkingDir, stage.workdir);
  assert.deepEqual(config.Env.slice(1), stage.env);
  assert.deepEqual(Object.keys(config.Volumes), stage.volumes);
  assert.deepEqual(Object.keys(config.ExposedPorts), stage.exposedPorts);
  assert.deepEqual(
    rootfs.diff_ids,
    manifest.layers.map(({ digest }) => digest),
  );
  assert.ok(stage.copies.length >= 6);
  for (const { to } of stage.copies) assert.ok(existsSync(join(root, to)), `${to} is missing`);
  assert.ok(removed.length >= 2, "the Dockerfile removes what the image does not need");
  for (const absent of ["src", "test", "node_modules/typescript", "node_modules/fast-check", ...removed])
    assert.deepEqual(globSync(`app/${absent}`, { cwd: root }), [], `${absent} has no business in the image`);
});

test("the volume belongs to the user it runs as, everything else to root", options, () => {
  const owners = manifest.layers.flatMap((layer) =>
    must("tar", ["--numeric-owner", "-tvf", blob(layer)])
      .trim()
      .split("\n"),
  );
  const others = owners.filter((line) => line.split(/\s+/)[1] !== "0/0");
  assert.deepEqual(
    others.map((line) => line.split(/\s+/).slice(1, 2).concat(line.split(/\s+/).slice(5))),
    [["10001/10001", "./data/"]],
  );
});

test("its programs run with nothing but its own files", options, () => {
  const [loader] = globSync("usr/lib*/ld-linux-*.so.*", { cwd: root }).concat(globSync("usr/lib/*/ld-linux-*.so.*", { cwd: root }));
  const [libraries] = globSync("usr/lib/*-linux-gnu", { cwd: root });
  assert.ok(loader !== undefined && libraries !== undefined);
  const node = (...args: readonly string[]): string =>
    must(join(root, loader), ["--library-path", join(root, libraries), join(root, "usr/local/bin/node"), ...args]);
  assert.equal(node("--version").trim(), process.version);
  assert.equal(node(join(root, "app/bin/vaultfarm.js"), "--version").trim(), json("package.json").version);
  // The native package loads.
  const script = `await import("@napi-rs/blake-hash"); console.log("loaded")`;
  assert.equal(node("--input-type=module", "--eval", `process.chdir(${JSON.stringify(join(root, "app"))});${script}`).trim(), "loaded");
});
