// The last thing a member that ended had to say, out of its log: what a person would look for there first.
import { readFile } from "node:fs/promises";

const sentenceMax = 400;
// pino's number for errors.
const errorLevel = 50;

/** The last error in a log of JSON lines or of Node's own words; undefined where there is none. Never rejects. */
export async function lastWords(logPath: string): Promise<string | undefined> {
  const text = await readFile(logPath, "utf8").catch(() => "");
  const lines = text
    .slice(-64 * 1024)
    .split("\n")
    .toReversed();
  for (const line of lines) {
    const sentence = loggedError(line) ?? /^(?:\w*Error(?: \[\w+\])?: .*)$/.exec(line)?.[0];
    if (sentence !== undefined) return sentence.slice(0, sentenceMax);
  }
  return undefined;
}

function loggedError(line: string): string | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
    return typeof level === "number" && level >= errorLevel && typeof msg === "string" ? msg : undefined;
  } catch {
    return undefined;
  }
}
