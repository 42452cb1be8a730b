// The one writer of the command line. Results go to standard output (as JSON where asked for), progress and errors to
// standard error; bars only where a person watches a terminal.
import type { Writable } from "node:stream";
import { SingleBar } from "cli-progress";

export type Bar = { set(value: number, note?: string): void; stop(): void };

export type Output = {
  /** Text for people; nothing in JSON mode. */
  line(text: string): void;
  /** The result of a command in JSON mode; nothing otherwise. */
  json(value: unknown): void;
  /** A remark beside the result. */
  note(text: string): void;
  /** A progress bar up to `total`, drawn only on a terminal and not in JSON mode. */
  bar(options: { readonly format: string; readonly total: number }): Bar;
  readonly isJson: boolean;
};

export type OutputStreams = { readonly out: Writable; readonly err: Writable & { readonly isTTY?: boolean } };

/** An output over these streams. */
export function createOutput({ out, err }: OutputStreams, isJson: boolean): Output {
  const drawn = err.isTTY === true && !isJson;
  return {
    isJson,
    line: (text) => {
      if (!isJson) out.write(`${text}\n`);
    },
    json: (value) => {
      if (isJson) out.write(`${JSON.stringify(value)}\n`);
    },
    note: (text) => err.write(`${text}\n`),
    bar: ({ format, total }) => (drawn ? drawBar(err, format, total) : { set: () => {}, stop: () => {} }),
  };
}

function drawBar(stream: Writable, format: string, total: number): Bar {
  const bar = new SingleBar({
    format,
    stream,
    hideCursor: true,
    clearOnComplete: true,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 30,
  });
  bar.start(total, 0, { note: "" });
  return { set: (value, note = "") => bar.update(value, { note }), stop: () => bar.stop() };
}
