// The types a reader may choose for an object with `?type=`: a fixed list, because objects have none of their own and a
// stranger's upload must never run on this origin.

/** Shown in the browser: nothing here runs scripts. */
const shown = [
  "text/plain",
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "image/avif",
  "audio/mpeg",
  "audio/mp4",
  "audio/ogg",
  "audio/wav",
  "audio/flac",
  "audio/webm",
  "video/mp4",
  "video/ogg",
  "video/webm",
  "application/pdf",
] as const;

/** Always saved as a file. */
const saved = [
  "application/octet-stream",
  "application/json",
  "application/zip",
  "application/gzip",
  "application/x-tar",
  "text/csv",
  "text/markdown",
] as const;

export type ContentType = (typeof shown)[number] | (typeof saved)[number];
export const contentTypes: readonly ContentType[] = [...shown, ...saved];

/** `text` as a type of the list, or undefined. */
export function parseContentType(text: string): ContentType | undefined {
  return contentTypes.find((type) => type === text);
}

/** The headers with which strangers' bytes are served as `type`: sandboxed, never guessed at, saved unless harmless to show. */
export function contentHeaders(type: ContentType): Readonly<Record<string, string>> {
  return headersByType[type];
}

function headersOf(type: ContentType): Readonly<Record<string, string>> {
  const harmless: readonly string[] = shown;
  return {
    "content-type": type === "text/plain" || type === "text/csv" || type === "text/markdown" ? `${type}; charset=utf-8` : type,
    "content-disposition": harmless.includes(type) ? "inline" : "attachment",
    "content-security-policy": "sandbox allow-scripts; frame-ancestors 'none'",
    "cross-origin-resource-policy": "cross-origin",
    "accept-ranges": "bytes",
  };
}

// Made once: these are set on every answer of a small object out of the cache.
const headersByType = Object.fromEntries(contentTypes.map((type) => [type, headersOf(type)])) as Readonly<
  Record<ContentType, Readonly<Record<string, string>>>
>;
