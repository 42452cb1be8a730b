// What is shown of others' words: never what might be a key. Pure.

const secretName = /(password|passwd|token|secret|credential|private|seed)/i;
// References name a Secret and its key, and hold nothing of it.
const reference = /(Ref|Name|reason|type|kind)$/;

/** A value without what might be a key: fields with telling names, and in texts long digits and passwords in addresses. Pure. */
export function redacted(value: unknown, field = ""): unknown {
  if (typeof value === "string") return secretName.test(field) && !reference.test(field) ? "(cut out)" : redactedText(value);
  if (Array.isArray(value)) return value.map((item) => redacted(item, field));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted(inner, key)]));
}

/** An object's address is also its key: of 128 digits the second half. */
export function redactedText(text: string): string {
  return text.replace(/\b([0-9a-f]{64})[0-9a-f]{64,}\b/g, "$1(cut out)").replace(/:\/\/[^/\s:@]*:[^/\s@]*@/g, "://(cut out)@");
}
