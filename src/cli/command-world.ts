// What a command has to do with the world: streams, folder, environment, clock, randomness, and the signal that a person
// wants it to end.
import type { Readable } from "node:stream";
import type { Clock } from "../runtime/clock.ts";
import type { Random } from "../runtime/random.ts";
import type { OutputStreams } from "./output.ts";

export type CommandWorld = {
  readonly streams: OutputStreams;
  readonly input: Readable;
  /** Whether standard output is a terminal: no place for the bytes of a file. */
  readonly outIsTerminal: boolean;
  /** Characters in a line of the terminal on standard output; absent where it is none. */
  readonly outColumns?: number;
  readonly workFolder: string;
  /** Folder of this package, where the sample manifests lie. */
  readonly packageFolder: string;
  /** What every child process needs: search path, home, temporary folder, language. */
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal;
};
