// What is shown of others' words: never what might be a key. Pure.

const secretName = /(password|passwd|token|secret|credential|private|seed|(admin|owner|network|node|wallet|access|encryption)[-_.]?key)/i;
// References name a Secret and its key, and hold nothing of it.
const reference = /(Ref|Name|^name|reason|type|kind)$/;
const cut = "(cut out)";

/**
 * A value without what might be a key: whatever stands in fields with telling names, the values of variables with such
 * names, and in all texts what `redactedText` cuts. Pure.
 */
export function redacted(value: unknown, field = "", within = false): unknown {
  const secret = within ? !reference.test(field) : secretName.test(field) && !reference.test(field);
  if (typeof value === "string") return secret ? cut : redactedText(value);
  if (typeof value === "number") return secret ? cut : value;
  if (Array.isArray(value)) return value.map((item) => redacted(item, field, within));
  if (typeof value !== "object" || value === null) return value;
  const variable = "name" in value && typeof value.name === "string" && secretName.test(value.name);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, variable && key === "value" ? cut : redacted(inner, key, secret)]),
  );
}

/** What is cut out of texts: pattern, and what is left of it. */
const cuts: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, cut],
  // An object's address is also its key: of 128 digits the second half.
  [/([0-9a-f]{64})[0-9a-f]+/gi, `$1${cut}`],
  [/:\/\/[^/\s:@]*:[^/\s@]*@/g, `://${cut}@`],
  [/\b(Bearer|Basic)\s+[\w.~+/-]{8,}=*/gi, `$1 ${cut}`],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, cut],
  [/([\w-]*(?:password|passwd|token|secret)[\w-]*=)[^\s"'&,;\\]+/gi, `$1${cut}`],
];

/** A text without keys, passwords and tokens, by how they look. Pure. */
export function redactedText(text: string): string {
  return cuts.reduce((left, [pattern, instead]) => left.replace(pattern, instead), text);
}

/** Private keys in PEM on lines of their own; the first lines of one, or its last, may be all that is left of it. */
const keyLines =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\r?\n(?:[\w-]+: .*|[\w+/=]*)(?=\r?\n|$))+(?:\r?\n-----END [A-Z ]*PRIVATE KEY-----\r?)?|^(?:[\w+/=]+\r?\n)+-----END [A-Z ]*PRIVATE KEY-----\r?/g;

/** A log without the keys that stand on several of its lines, which none of them alone shows to be one. Pure. */
export function redactedLog(text: string): readonly string[] {
  return text
    .replace(keyLines, `${cut}\n`)
    .split("\n")
    .filter((line) => line !== "")
    .map(redactedLine);
}

/** A line of a log without them; where it is JSON, by the names of its fields too. Pure. */
export function redactedLine(line: string): string {
  if (!line.startsWith("{")) return redactedText(line);
  try {
    return redactedText(JSON.stringify(redacted(JSON.parse(line))));
  } catch {
    return redactedText(line);
  }
}
