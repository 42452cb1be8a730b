// `npm run image -- --out FILE.tar [--tag NAME:TAG…]`: the Dockerfile's image as an OCI archive, without a Docker engine, for
// this machine's architecture. Node comes from its npm package, the base from pinned Debian packages.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { output, run } from "./image/command.ts";
import { type BaseLock, offeredBase, unpackBase } from "./image/debian-base.ts";
import { type ImageCopy, readLastStage } from "./image/dockerfile.ts";
import { type Layer, packLayer, writeArchive } from "./image/oci-archive.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const at = (path: string): string => join(root, path);
const lockFile = at("deploy/image/base-packages.json");
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const say = (text: string): void => console.error(text);

function architecture(): string {
  const name = architectures[process.arch];
  if (process.platform !== "linux" || name === undefined)
    throw new Error("this makes images on Linux (x64 or arm64) only; elsewhere: docker build");
  return name;
}

/** dist/ and the production packages, as the Dockerfile's first stage makes them. */
function buildPackage(folder: string): void {
  if (!run("npm", ["run", "build"], { cwd: root })) throw new Error("npm run build failed");
  for (const path of [
    "package.json",
    "package-lock.json",
    ".npmrc",
    "LICENSE",
    "dist",
    "bin/vaultfarm.js",
    "bin/run-program.js",
    "deploy",
  ]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(at(path), join(folder, path), { recursive: true });
  }
  if (!run("npm", ["ci", "--omit=dev", "--ignore-scripts"], { cwd: folder })) throw new Error("npm ci failed");
}

/** The Node of the lock file, which the package brought for this platform. */
function takeNode(folder: string, target: string): void {
  const modules = join(folder, "node_modules");
  const packaged = `node-linux-${process.arch}`;
  mkdirSync(join(target, "usr/local/bin"), { recursive: true });
  renameSync(join(modules, packaged, "bin/node"), join(target, "usr/local/bin/node"));
  // As in the Dockerfile: the packaged Node is for machines without one.
  for (const name of [packaged, ".bin"]) rmSync(join(modules, name), { recursive: true, force: true });
}

// Everybody may read, whatever umask npm and cp ran under; what was made for all to write keeps that.
function setModes(base: string, folder: string): void {
  const temporary = folder === base ? ["tmp", "var/tmp"].map((name) => join(base, name)) : [];
  if (!run("chmod", ["-R", "u+rwX,go+rX,go-w", folder]) || (temporary.length > 0 && !run("chmod", ["1777", ...temporary])))
    throw new Error(`cannot set the modes of ${folder}`);
}

function copyInto(target: string, folder: string, copies: readonly ImageCopy[]): void {
  for (const { from, to } of copies) {
    mkdirSync(dirname(join(target, to)), { recursive: true });
    cpSync(join(folder, from), join(target, to), { recursive: true, verbatimSymlinks: true });
  }
}

/** What changes seldom comes first, so that a new commit sends only its own code. */
function makeLayers(scratch: string): { readonly layers: readonly Layer[]; readonly settings: ReturnType<typeof readLastStage> } {
  const settings = readLastStage(readFileSync(at("Dockerfile"), "utf8"));
  const lock = JSON.parse(readFileSync(lockFile, "utf8")) as BaseLock;
  const packages = lock.packages[architecture()];
  if (packages === undefined) throw new Error(`no base packages are pinned for ${architecture()}: npm run image -- --update-base`);
  const built = join(scratch, "package");
  mkdirSync(built);
  buildPackage(built);
  const folders = ["base", "modules", "app"].map((name) => join(scratch, name));
  const [base = "", modules = "", app = ""] = folders;
  unpackBase(base, packages, say);
  takeNode(built, base);
  const isModules = ({ to }: ImageCopy): boolean => to.includes("node_modules");
  copyInto(modules, built, settings.copies.filter(isModules));
  copyInto(
    app,
    built,
    settings.copies.filter((copy) => !isModules(copy)),
  );
  const pack = (folder: string, what: string, paths: readonly string[] = []): Layer => {
    const tar = `${folder}.tar`;
    setModes(base, folder);
    packLayer(folder, tar, { paths, user: settings.user });
    rmSync(folder, { recursive: true, force: true });
    return { tar, what };
  };
  const layers = [
    pack(base, `${lock.release} packages and Node ${process.versions.node}`, settings.volumes),
    pack(modules, "production packages"),
    pack(app, "vaultfarm"),
  ];
  return { layers, settings };
}

function identityOf(tags: readonly string[]) {
  const commit = output("git", ["rev-parse", "HEAD"], root).trim();
  const isChanged = output("git", ["status", "--porcelain"], root) !== "";
  if (isChanged) say("The working tree has changes that are not committed: they are in the image too.");
  const created = new Date(Number(output("git", ["log", "-1", "--format=%ct"], root)) * 1000).toISOString();
  const { version } = JSON.parse(readFileSync(at("package.json"), "utf8")) as { readonly version: string };
  const labels = {
    "org.opencontainers.image.title": "vaultfarm",
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.revision": isChanged ? `${commit}-changed` : commit,
    "org.opencontainers.image.licenses": "Apache-2.0",
  };
  return { tags: tags.map((tag) => (tag.includes(":") ? tag : `${tag}:${version}`)), architecture: architecture(), created, labels };
}

function makeImage(out: string, tags: readonly string[]): void {
  process.umask(0o022);
  const scratch = mkdtempSync(join(tmpdir(), "vaultfarm-image-"));
  try {
    const identity = identityOf(tags);
    const partial = `${resolve(out)}.part`;
    mkdirSync(dirname(partial), { recursive: true });
    const digest = writeArchive(scratch, { ...identity, ...makeLayers(scratch) }, partial);
    renameSync(partial, resolve(out));
    console.log(`${identity.tags.join(",")} ${digest} in ${out}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function updateBase(): void {
  const scratch = mkdtempSync(join(tmpdir(), "vaultfarm-base-"));
  run("chmod", ["0777", scratch]);
  try {
    const lock = JSON.parse(readFileSync(lockFile, "utf8")) as BaseLock;
    const packages = { ...lock.packages, [architecture()]: offeredBase(architecture(), scratch) };
    writeFileSync(lockFile, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

new Command("image")
  .description("Makes the Dockerfile's image as an OCI archive, without Docker.")
  .option("--out <file>", "where the archive goes")
  .option("--tag <name:tag...>", "the image's names; without a tag, the package's version", ["vaultfarm"])
  .option("--update-base", "pins the Debian packages that are offered now, and makes no image")
  .action(({ out, tag, updateBase: isUpdate }: { readonly out?: string; readonly tag: readonly string[]; readonly updateBase?: true }) => {
    if (isUpdate) updateBase();
    else if (out === undefined) throw new Error("--out FILE.tar is needed: where shall the archive go?");
    else makeImage(out, tag);
  })
  .parse();
