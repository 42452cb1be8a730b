// `vaultfarm put`: stores a file, or standard input, through a gateway and prints the address to keep.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { resolve } from "node:path";
import { type Readable, Transform } from "node:stream";
import { z } from "zod";
import { describeBytes } from "../../operator/api/quantity.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import { chooseGateway, type GatewayOptions } from "../gateway-choice.ts";
import { exchange, type Gateway, readJsonBody } from "../http-client.ts";
import type { Bar, Output } from "../output.ts";

export type PutOptions = GatewayOptions & { readonly public?: boolean };

/** What a gateway says of an object that it stored. `copies`: how many of each chunk, at least and at most. */
export type Stored = {
  readonly address: string;
  readonly bytes: number;
  readonly chunks: number;
  readonly copies: { readonly min: number; readonly max: number };
};

const storedAnswer: z.ZodType<Stored> = z.object({
  address: z.string(),
  bytes: z.number(),
  chunks: z.number(),
  copies: z.object({ min: z.number(), max: z.number() }),
});

/** Opened only once a gateway is there: nobody would hear what goes wrong with a file that is open before. */
type Source = {
  open(): Readable;
  /** What is sent: what the source has at the beginning, whatever is written to it meanwhile. */
  readonly size?: number;
  /** Bytes it has now. */
  sizeNow?(): Promise<number>;
};

/** Stores `file` ("-" = standard input). Rejects with a `CommandError` or `FarmError`. */
export async function put(world: CommandWorld, output: Output, file: string, options: PutOptions): Promise<void> {
  await putThrough(() => chooseGateway(world, options), { world, output, file, isPublic: options.public === true });
}

type Putting = {
  readonly world: CommandWorld;
  readonly output: Output;
  readonly file: string;
  readonly isPublic: boolean;
  /** The result for people, on standard output; absent: the address alone. */
  readonly describe?: (stored: Stored) => string;
};

/** The same through the gateway that `choose` gives, once there is something to store. */
export async function putThrough(
  choose: () => Promise<Gateway>,
  { world, output, file, isPublic, describe = ({ address }) => address }: Putting,
): Promise<void> {
  const { open, size, sizeNow } = file === "-" ? { open: () => world.input } : await findSource(resolve(world.workFolder, file), file);
  const gateway = await choose();
  const bar = output.bar({ format: "sending {bar} {percentage} % {note}", total: size ?? 0 });
  const path = `v1/objects${isPublic ? "?public" : ""}`;
  const headers = { "content-type": "application/octet-stream", ...(size === undefined ? {} : { "content-length": String(size) }) };
  const stream = open();
  try {
    const body = stream.compose(counter(bar, file, size));
    const answer = await exchange({ method: "POST", gateway, path, headers, body, signal: world.interrupted });
    const result = await readResult(answer, gateway, world.interrupted);
    bar.stop();
    if (sizeNow !== undefined && (await sizeNow()) !== size)
      output.note(`${file} changed while it was sent: stored is what it was at first, ${size} bytes`);
    output.json(result);
    output.line(describe(result));
    const kept = `${describeBytes(result.bytes)} in ${result.chunks} ${result.chunks === 1 ? "chunk" : "chunks"}, each on ${result.copies.min} nodes or more`;
    if (!output.isJson)
      output.note(
        isPublic ? `${kept}; public: anybody who runs a vault can read it` : `${kept}; the address is the only key: keep it safe`,
      );
  } finally {
    bar.stop();
    stream.destroy();
  }
}

/** The address and what else the gateway says. Rejects where that does not come whole, or is none: what was sent may be stored all the same. */
async function readResult(answer: IncomingMessage, { url }: Gateway, interrupted: AbortSignal): Promise<Stored> {
  try {
    return storedAnswer.parse(await readJsonBody(answer));
  } catch (cause) {
    if (interrupted.aborted) throw cause;
    const message = `the answer of ${url.origin} is cut or no gateway's, and has no address: nobody knows whether the file is stored; put it again`;
    throw new CommandError(exitCodes.unreachable, "bad-answer", message, cause);
  }
}

async function findSource(path: string, named: string): Promise<Source> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new CommandError(exitCodes.notFound, "no-file", `${named}: there is no such file`, cause);
  });
  if (found.isDirectory())
    throw new CommandError(
      exitCodes.usage,
      "is-folder",
      `${named} is a folder, and only single files can be stored; pack it: tar c ${named} | vaultfarm put -`,
    );
  if (found.isFile() && found.size === 0) throw new CommandError(exitCodes.usage, "empty", `${named} is empty: there is nothing to store`);
  const highWaterMark = 1024 * 1024;
  if (!found.isFile()) return { open: () => createReadStream(path, { highWaterMark }) };
  const { size } = found;
  // To the size that was announced: what is appended while it is sent would be read as another request.
  const open = (): Readable => createReadStream(path, { highWaterMark, end: size - 1 });
  return { open, size, sizeNow: async () => (await stat(path).catch(() => found)).size };
}

function counter(bar: Bar, file: string, size: number | undefined): Transform {
  let sent = 0;
  return new Transform({
    highWaterMark: 1024 * 1024,
    transform(piece: Buffer, _encoding, done) {
      sent += piece.length;
      bar.set(sent, sent === size ? "waiting for the copies" : describeBytes(sent));
      done(null, piece);
    },
    flush(done) {
      done(size === undefined || sent === size ? null : becameShorter(file, sent, size));
    },
  });
}

function becameShorter(file: string, sent: number, size: number): CommandError {
  const message = `${file} became shorter while it was sent (${sent} of ${size} bytes): nothing is stored; put it again once it is complete`;
  return new CommandError(exitCodes.notFound, "file-changed", message);
}
