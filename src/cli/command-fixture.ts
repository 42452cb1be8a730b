// For tests: the real command line in this process, with streams that are kept.
import { Readable, Writable } from "node:stream";
import { systemClock } from "../runtime/clock.ts";
import { seededRandom } from "../runtime/random.ts";
import type { CommandWorld } from "./command-world.ts";
import type { ExitCode } from "./exit-code.ts";
import { type CommandLine, runCommandLine, vaultfarm } from "./run-command-line.ts";

class Sink extends Writable {
  readonly pieces: Buffer[] = [];
  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.pieces.push(Buffer.from(piece));
    done();
  }
  bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

/** How a command ended and what it wrote. */
export type Ended = { readonly code: ExitCode; readonly out: Buffer; readonly err: string };

/** Runs `vaultfarm`, or another line, with these arguments in `folder`, version 1.2.3; `change` replaces parts of its world. */
export async function runInProcess(
  args: readonly string[],
  folder: string,
  change: Partial<CommandWorld> = {},
  line: CommandLine = vaultfarm,
): Promise<Ended> {
  const [out, err] = [new Sink(), new Sink()];
  const world: CommandWorld = {
    streams: { out, err },
    input: Readable.from([]),
    outIsTerminal: false,
    workFolder: folder,
    packageFolder: process.cwd(),
    baseEnv: {},
    clock: systemClock,
    random: seededRandom(1),
    interrupted: new AbortController().signal,
    ...change,
  };
  const code = await runCommandLine(world, "1.2.3", args, line);
  return { code, out: out.bytes(), err: err.bytes().toString() };
}
