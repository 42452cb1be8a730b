// Sizes, shares and times as people read them.

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** 1536 → "1.5 KiB". */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${units[unit]}`;
}

/** A share from 0 to 1 → "12 %"; something is never shown as nothing. */
export function shareText(share: number): string {
  if (share > 0 && share < 0.01) return "<1 %";
  return `${Math.floor(share * 100)} %`;
}

/** "3 nodes", "1 node". */
export function countText(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A time that is left: "4 min 20 s", "12 s". */
export function leftText(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? "" : ` ${seconds % 60} s`}`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** The time of day of a moment. */
export function timeText(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** Day and time of a moment. */
export function dateText(at: number): string {
  return new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** A node or address in short: enough to tell them apart. */
export function shortId(id: string): string {
  return id.startsWith("12D3Koo") ? id.slice(-6) : id.slice(0, 8);
}
