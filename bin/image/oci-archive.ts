// Writes an image as one archive that both `ctr images import` (OCI layout) and `docker load` (manifest.json) read.
// Formats: OCI image layout and image specification 1.1; the docker archive of `docker save`.
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command.ts";
import type { ImageSettings } from "./dockerfile.ts";

/** A layer: a tar file, not compressed, so its digest depends on nothing but its content. */
export type Layer = { readonly tar: string; readonly what: string };

export type ImageIdentity = {
  /** All of its names, `name:tag` as people write it. */
  readonly tags: readonly string[];
  /** Debian's name, which is Docker's too: amd64, arm64. */
  readonly architecture: string;
  /** ISO 8601; the commit's time, so that the same commit gives the same image. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
};

type Blob = { readonly digest: string; readonly size: number };

function digestOf(file: string): Blob {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(1 << 20);
  const descriptor = openSync(file, "r");
  try {
    for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer)) hash.update(buffer.subarray(0, read));
  } finally {
    closeSync(descriptor);
  }
  return { digest: hash.digest("hex"), size: statSync(file).size };
}

/** The same bytes for the same files: sorted, root's, no times. `owned` (below `folder`) belong to the image's user instead. */
export function packLayer(folder: string, tar: string, owned: { readonly paths: readonly string[]; readonly user: string }): void {
  const fixed = ["--sort=name", "--mtime=@0", "--numeric-owner", "--format=gnu", "-C", folder];
  const [uid = "0", gid = uid] = owned.user.split(":");
  const paths = owned.paths.map((path) => `.${path}`);
  const others = paths.map((path) => `--exclude=${path}`);
  const isPacked =
    run("tar", [...fixed, "--owner=0", "--group=0", ...others, "-cf", tar, "."]) &&
    (paths.length === 0 || run("tar", [...fixed, `--owner=${uid}`, `--group=${gid}`, "-rf", tar, ...paths]));
  if (!isPacked) throw new Error("cannot pack a layer: this needs GNU tar");
}

/** Writes the archive to `out`; `folder` is scratch space. Returns the digest of the image's manifest. */
export function writeArchive(
  folder: string,
  image: ImageIdentity & { readonly layers: readonly Layer[]; readonly settings: ImageSettings },
  out: string,
): string {
  const layout = join(folder, "layout");
  const blobs = join(layout, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const take = (file: string): Blob => {
    const blob = digestOf(file);
    renameSync(file, join(blobs, blob.digest));
    return blob;
  };
  const takeJson = (value: unknown): Blob => {
    const file = join(folder, "blob.json");
    writeFileSync(file, JSON.stringify(value));
    return take(file);
  };
  const layers = image.layers.map(({ tar, what }) => ({ ...take(tar), what }));
  const config = takeJson(configOf(image, layers));
  const manifest = takeJson({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${config.digest}`, size: config.size },
    layers: layers.map(({ digest, size }) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: `sha256:${digest}`, size })),
  });
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: image.tags.map((tag) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: `sha256:${manifest.digest}`,
      size: manifest.size,
      platform: { architecture: image.architecture, os: "linux" },
      annotations: {
        "io.containerd.image.name": fullName(tag),
        "org.opencontainers.image.ref.name": tag.slice(tag.lastIndexOf(":") + 1),
      },
    })),
  };
  writeFileSync(join(layout, "index.json"), JSON.stringify(index));
  writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const docker = [
    { Config: `blobs/sha256/${config.digest}`, RepoTags: image.tags, Layers: layers.map(({ digest }) => `blobs/sha256/${digest}`) },
  ];
  writeFileSync(join(layout, "manifest.json"), JSON.stringify(docker));
  packLayer(layout, out, { paths: [], user: "0" });
  return `sha256:${manifest.digest}`;
}

/** containerd takes a name as it is: a short one is completed as Docker, kind and the kubelet do. */
export function fullName(tag: string): string {
  const [first = "", ...rest] = tag.split("/");
  if (rest.length === 0) return `docker.io/library/${tag}`;
  return /[.:]|^localhost$/.test(first) ? tag : `docker.io/${tag}`;
}

function configOf(
  image: ImageIdentity & { readonly settings: ImageSettings },
  layers: readonly (Blob & { readonly what: string })[],
): unknown {
  const { settings } = image;
  const asSet = (names: readonly string[]): Readonly<Record<string, object>> => Object.fromEntries(names.map((name) => [name, {}]));
  return {
    architecture: image.architecture,
    os: "linux",
    created: image.created,
    config: {
      User: settings.user,
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin", ...settings.env],
      Entrypoint: settings.entrypoint,
      Cmd: settings.cmd,
      WorkingDir: settings.workdir,
      Volumes: asSet(settings.volumes),
      ExposedPorts: asSet(settings.exposedPorts),
      Labels: image.labels,
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    history: layers.map(({ what }) => ({ created: image.created, created_by: what })),
  };
}
