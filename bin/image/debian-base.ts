// The base of the image made without Docker: a few Debian packages, pinned by version and hash, unpacked into a folder.
// Pinned so that one commit gives one image; where Debian has replaced a version by a newer one, the newer is taken and said.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { output, run } from "./command.ts";

/** One package: `apt-get download` finds it by name and version; `sha256` is that of the .deb file. */
export type BasePackage = { readonly name: string; readonly version: string; readonly sha256: string };

/** The Debian release and packages of one architecture (Debian's name of it). */
export type BaseLock = { readonly release: string; readonly packages: Readonly<Record<string, readonly BasePackage[]>> };

/** Node's libraries, certificates for outgoing TLS (a shared cache may want it), and the release's own name. */
export const basePackageNames = ["base-files", "ca-certificates", "libc6", "libgcc-s1", "libstdc++6"] as const;

const sha256 = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

function download(folder: string, wanted: string): string | undefined {
  const into = mkdtempSync(join(folder, "deb-"));
  if (!run("apt-get", ["download", "-qq", wanted], { cwd: into, quiet: true })) return undefined;
  const [file] = readdirSync(into);
  return file === undefined ? undefined : join(into, file);
}

/** A machine that has never asked has no lists; only root may fetch them. */
function ensureLists(folder: string): void {
  if (download(folder, "base-files") === undefined && process.getuid?.() === 0) run("apt-get", ["update", "-qq"], { quiet: true });
}

/** Fetches a package as pinned, or the version that is offered now; throws when neither can be had. */
function fetch(folder: string, pinned: BasePackage, say: (text: string) => void): string {
  const exact = download(folder, `${pinned.name}=${pinned.version}`);
  if (exact !== undefined && sha256(exact) === pinned.sha256) return exact;
  const offered = download(folder, pinned.name);
  if (offered === undefined)
    throw new Error(`cannot download the Debian package ${pinned.name}: run \`apt-get update\` first; without apt use the Dockerfile`);
  const version = output("dpkg-deb", ["--field", offered, "Version"]).trim();
  say(
    `${pinned.name} ${pinned.version} is not offered any more: taking ${version}. The image's digest differs from that of this commit elsewhere; \`npm run image -- --update-base\` pins it.`,
  );
  return offered;
}

/** The versions that are offered now, to be pinned. */
export function offeredBase(architecture: string, folder: string): readonly BasePackage[] {
  ensureLists(folder);
  return basePackageNames.map((name) => {
    const file = download(folder, name);
    if (file === undefined) throw new Error(`cannot download the Debian package ${name} for ${architecture}: run \`apt-get update\` first`);
    return { name, version: output("dpkg-deb", ["--field", file, "Version"]).trim(), sha256: sha256(file) };
  });
}

/** Documentation, translations and package bookkeeping: nothing that runs needs them. Licences stay. */
const unwanted = [
  "usr/share/doc-base",
  "usr/share/lintian",
  "usr/share/man",
  "usr/share/locale",
  "var",
  "etc/update-motd.d",
  "usr/lib/x86_64-linux-gnu/gconv",
  "usr/lib/aarch64-linux-gnu/gconv",
];

/** Unpacks the packages into `root` (made, must not exist) and adds users, folders and the bundle of certificates. */
export function unpackBase(root: string, packages: readonly BasePackage[], say: (text: string) => void): void {
  for (const folder of ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64"]) mkdirSync(join(root, folder), { recursive: true });
  // Debian's merged layout, which its packages expect to find.
  for (const name of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(root, name));
  const folder = mkdtempSync(join(tmpdir(), "vaultfarm-base-"));
  try {
    // Downloads run as a user of their own where apt is set up so.
    run("chmod", ["0777", folder]);
    ensureLists(folder);
    for (const pinned of packages) {
      const file = fetch(folder, pinned, say);
      const tar = join(folder, `${pinned.name}.tar`);
      if (!run("sh", ["-c", 'dpkg-deb --fsys-tarfile "$1" > "$2" && tar -xf "$2" -C "$3" --keep-directory-symlink', "sh", file, tar, root]))
        throw new Error(`cannot unpack ${pinned.name}: this needs dpkg-deb and GNU tar`);
      rmSync(tar);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const path of unwanted) rmSync(join(root, path), { recursive: true, force: true });
  bundleCertificates(root);
  for (const path of ["tmp", "var/tmp", "proc", "sys", "dev", "run", "data", "app"]) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/usr/sbin/nologin\nvaultfarm:x:10001:10001:vaultfarm:/data:/usr/sbin/nologin\n",
  );
  writeFileSync(join(root, "etc/group"), "root:x:0:\nvaultfarm:x:10001:\n");
  writeFileSync(join(root, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
}

/** What the package's own script does at installation: one file of all the authorities it brings. */
function bundleCertificates(root: string): void {
  const folder = join(root, "usr/share/ca-certificates/mozilla");
  const names = readdirSync(folder).sort();
  const bundle = names.map((name) => readFileSync(join(folder, name), "utf8").trimEnd()).join("\n");
  mkdirSync(join(root, "etc/ssl/certs"), { recursive: true });
  writeFileSync(join(root, "etc/ssl/certs/ca-certificates.crt"), `${bundle}\n`);
}
