// The log: a constant sentence and fields, as JSON lines through pino. Error = a person must act; warn = may become so;
// info = rare changes of state; debug = the rest. Nothing that came from the network above debug, a secret never.
import { pino } from "pino";

export type Fields = Readonly<Record<string, unknown>>;
export type Log = {
  error(sentence: string, fields?: Fields): void;
  warn(sentence: string, fields?: Fields): void;
  info(sentence: string, fields?: Fields): void;
  debug(sentence: string, fields?: Fields): void;
  /** A log whose every line carries `fields`. */
  with(fields: Fields): Log;
};

export const logLevels = ["error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Lines of so many bytes wait while a disk takes none; what comes then is dropped. */
const waitingBytesMax = 256 * 1024;

/**
 * A log to standard error (or `path`) at `level`; errors in field `err` or `cause` are written with their chain. What cannot be
 * written, as on a full disk, is tried again with the next line. Throws where `path` cannot be opened.
 */
export function createLog(program: string, level: LogLevel, path?: string): Log {
  const options = { level, base: { program }, serializers: { cause: pino.stdSerializers.errWithCause } };
  const destination = pino.destination({ dest: path ?? 2, sync: true, mkdir: true, maxLength: waitingBytesMax });
  // Unheard, the error would end the process; there is nowhere to tell it.
  destination.on("error", () => {});
  return wrap(pino(options, destination));
}

/** A log that writes nothing. */
export const silentLog: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {}, with: () => silentLog };

function wrap(logger: pino.Logger): Log {
  return {
    error: (sentence, fields) => logger.error(fields ?? {}, sentence),
    warn: (sentence, fields) => logger.warn(fields ?? {}, sentence),
    info: (sentence, fields) => logger.info(fields ?? {}, sentence),
    debug: (sentence, fields) => logger.debug(fields ?? {}, sentence),
    with: (fields) => wrap(logger.child(fields)),
  };
}
