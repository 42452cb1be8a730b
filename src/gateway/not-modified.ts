// If-None-Match (RFC 9110, section 13.1.2): whether who asks has the very bytes already. What an address names never changes,
// so that its tag is the same for ever.

/** Whether `header` names `etag`, in whichever place of its list, weakly or strongly. "*" names nothing: whether there is anything is not known yet. */
export function isNotModified(header: string | undefined, etag: string): boolean {
  return header?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag) ?? false;
}
