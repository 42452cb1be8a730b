// `vaultfarm get`: reads an object through a gateway into a file or to standard output. A file appears under its name
// only when it is whole.
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describeBytes } from "../../operator/api/quantity.ts";
import { parseObjectAddress } from "../../protocol/address.ts";
import { toHex } from "../../protocol/bytes.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import { chooseGateway, type GatewayOptions } from "../gateway-choice.ts";
import { exchange, type Gateway } from "../http-client.ts";
import type { Output } from "../output.ts";
import { describeSystemError, isSystemError } from "../system-error.ts";

export type GetOptions = GatewayOptions & { readonly output?: string };

/** Reads the object at `address`. Rejects with a `CommandError` or `FarmError`; nothing half is left behind. */
export async function get(world: CommandWorld, output: Output, address: string, options: GetOptions): Promise<void> {
  await getThrough(() => chooseGateway(world, options), { world, output, address, file: options.output, fileOption: "-o" });
}

type Getting = {
  readonly world: CommandWorld;
  readonly output: Output;
  readonly address: string;
  readonly file: string | undefined;
  /** What names a file on this command line, for advice. */
  readonly fileOption: string;
};

/** The same through the gateway that `choose` gives, once the arguments are good. */
export async function getThrough(
  choose: () => Promise<Gateway>,
  { world, output, address: given, file, fileOption }: Getting,
): Promise<void> {
  // Copied from somewhere: a line's end or capital letters are no other address.
  const address = given.trim().toLowerCase();
  if (parseObjectAddress(address) === undefined)
    throw new CommandError(
      exitCodes.usage,
      "bad-address",
      `an address has 64 or 128 hexadecimal digits, got ${address.length} characters${/[^0-9a-f]/.test(address) ? ", some of which are none" : ""}`,
    );
  if (file === undefined && world.outIsTerminal)
    throw new CommandError(
      exitCodes.usage,
      "terminal",
      `the bytes of a file do not belong on a terminal; name a file with ${fileOption} FILE, or redirect the output`,
    );
  const gateway = await choose();
  const path = `v1/objects/${address}`;
  if (file === undefined) await download({ world, output, gateway, path }, world.streams.out);
  else await downloadFile({ world, output, gateway, path }, file, fileOption);
}

type Download = { readonly world: CommandWorld; readonly output: Output; readonly gateway: Gateway; readonly path: string };

async function downloadFile(from: Download, named: string, fileOption: string): Promise<void> {
  const { world, output } = from;
  const path = resolve(world.workFolder, named);
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory())
    throw new CommandError(exitCodes.usage, "is-folder", `${named} is a folder; name the file to write: ${fileOption} ${named}/FILE`);
  // A device or a pipe, whose place the finished file would take.
  if (there?.isFile() === false)
    throw new CommandError(
      exitCodes.usage,
      "not-a-file",
      `${named} is no file; without ${fileOption} the bytes go to the standard output, so that you can send them there: > ${named}`,
    );
  const part = `${path}.${toHex(world.random.bytes(4))}.part`;
  try {
    const file = await openNew(part, dirname(path));
    const bytes = await download(from, file.createWriteStream({ flush: true }));
    await rename(part, path);
    output.json({ file: named, bytes });
    output.line(`${named}: ${describeBytes(bytes)}`);
  } finally {
    await rm(part, { force: true });
  }
}

// What the system says of a part file is said of the folder that it would be in: the part is none of the person's business.
async function openNew(part: string, folder: string): Promise<FileHandle> {
  try {
    return await open(part, "wx");
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    const { exitCode, code, message } = describeSystemError(Object.assign(cause, { path: folder }));
    throw new CommandError(exitCode, code, `nothing was written: ${message}`, cause);
  }
}

async function download({ world, output, gateway, path }: Download, target: Writable): Promise<number> {
  const answer = await exchange({ method: "GET", gateway, path, signal: world.interrupted });
  const expected = Number(answer.headers["content-length"] ?? Number.NaN);
  const bar = output.bar({ format: "reading {bar} {percentage} % {note}", total: Number.isNaN(expected) ? 0 : expected });
  let received = 0;
  const count = new Transform({
    transform(piece: Buffer, _encoding, done) {
      received += piece.length;
      bar.set(received, describeBytes(received));
      done(null, piece);
    },
  });
  try {
    await pipeline(answer, count, target, { signal: world.interrupted, end: target !== world.streams.out });
  } catch (cause) {
    if (world.interrupted.aborted) throw new CommandError(exitCodes.interrupted, "interrupted", "interrupted", cause);
    if (isSystemError(cause) && cause.code !== "ECONNRESET") throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(
      exitCodes.damaged,
      "cut",
      `only ${received} of ${expected} bytes came (${why}); nothing was kept, try again`,
      cause,
    );
  } finally {
    bar.stop();
  }
  if (received !== expected)
    throw new CommandError(exitCodes.damaged, "cut", `${received} bytes came instead of ${expected}; nothing was kept, try again`);
  return received;
}
