// `vaultfarm encrypt` and `decrypt`: self-encryption without a network, so that other implementations can be checked
// against this one and a file can be carried as chunks.
import { stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { ClientError } from "../../client/errors.ts";
import { dataMapName, decryptFile, encryptFile } from "../../client/self-encryption/offline.ts";
import { describeBytes } from "../../operator/api/quantity.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import type { Bar, Output } from "../output.ts";
import { describeSystemError, isSystemError } from "../system-error.ts";

export type EncryptOptions = { readonly out: string; readonly dense?: boolean };
export type DecryptOptions = { readonly chunks: string; readonly out: string };

/** Cuts and encrypts `file` into the folder `out`. Rejects with a `CommandError`. */
export async function encrypt(world: CommandWorld, output: Output, file: string, { out, dense }: EncryptOptions): Promise<void> {
  const [path, folder] = [resolve(world.workFolder, file), resolve(world.workFolder, out)];
  if (await isThere(join(folder, dataMapName)))
    throw new CommandError(
      exitCodes.usage,
      "map-exists",
      `${join(out, dataMapName)} is there already, and without it the file that it is of could not be read any more; choose another folder, or move it away`,
    );
  const mode = dense === true ? "dense" : "fast";
  const work = (onProgress: Progress): ReturnType<typeof encryptFile> =>
    encryptFile(path, folder, { mode, signal: world.interrupted, onProgress });
  const { mapPath, bytes, chunks } = await watched(output, "encrypting", work);
  const map = relative(world.workFolder, mapPath) || mapPath;
  output.json({ map, bytes, chunks });
  output.line(map);
  if (!output.isJson)
    output.note(
      `${describeBytes(bytes)} in ${chunks} ${chunks === 1 ? "chunk" : "chunks"}; whoever has the map and the chunks can read the file`,
    );
}

/** Puts the file together that `map` describes. Rejects with a `CommandError`; `out` appears only when it is whole. */
export async function decrypt(world: CommandWorld, output: Output, map: string, { chunks, out }: DecryptOptions): Promise<void> {
  const [mapPath, folder, path] = [map, chunks, out].map((name) => resolve(world.workFolder, name)) as [string, string, string];
  const there = await stat(path).catch(() => undefined);
  // The finished file takes the place of what is there.
  if (there?.isFile() === false) throw new CommandError(exitCodes.usage, "not-a-file", `${out} is no file`);
  const work = (onProgress: Progress): ReturnType<typeof decryptFile> =>
    decryptFile(mapPath, folder, path, { signal: world.interrupted, onProgress });
  const { bytes } = await watched(output, "decrypting", work);
  output.json({ file: out, bytes });
  output.line(`${out}: ${describeBytes(bytes)}`);
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

type Progress = (done: number, total: number) => void;

async function watched<T>(output: Output, what: string, work: (onProgress: Progress) => Promise<T>): Promise<T> {
  let bar: Bar | undefined;
  try {
    return await work((done, total) => {
      bar ??= output.bar({ format: `${what} {bar} {percentage} % {note}`, total });
      bar.set(done, describeBytes(done));
    });
  } catch (cause) {
    throw commandErrorOf(cause);
  } finally {
    bar?.stop();
  }
}

const exitCodeOfClientError: Readonly<Partial<Record<ClientError["code"], ExitCode>>> = {
  empty: exitCodes.usage,
  "too-large": exitCodes.usage,
  "not-found": exitCodes.notFound,
  aborted: exitCodes.interrupted,
  stopped: exitCodes.interrupted,
};

function commandErrorOf(cause: unknown): unknown {
  if (cause instanceof ClientError)
    return new CommandError(exitCodeOfClientError[cause.code] ?? exitCodes.damaged, cause.code, cause.message, cause);
  const absent = isSystemError(cause) && cause.code === "ENOENT";
  return absent ? new CommandError(exitCodes.notFound, "no-file", describeSystemError(cause).message, cause) : cause;
}
