// The list of files put from this browser, in its local storage: names, sizes, times and addresses. Nobody else has it.

export type ShelvedFile = {
  readonly name: string;
  readonly bytes: number;
  readonly storedAt: number;
  readonly address: string;
  readonly copies: number;
  /** Of the content, where the browser could make one. */
  readonly fingerprint?: string;
};

const key = "vaultfarm.files";
/** Files kept; the oldest is dropped. */
const filesMax = 1000;

/** The files, newest first. What is not of this shape is left out. */
export function readShelf(): readonly ShelvedFile[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(list) ? list.filter(isFile) : [];
  } catch {
    return [];
  }
}

/** Adds a file on top; an earlier entry of the same address goes. False where the browser refuses to keep it. */
export function addToShelf(file: ShelvedFile): boolean {
  return write([file, ...readShelf().filter(({ address }) => address !== file.address)].slice(0, filesMax));
}

/** Takes a file off the list; the vaults keep it. */
export function removeFromShelf(address: string): void {
  write(readShelf().filter((file) => file.address !== address));
}

function write(files: readonly ShelvedFile[]): boolean {
  try {
    localStorage.setItem(key, JSON.stringify(files));
    return true;
  } catch {
    return false;
  }
}

function isFile(value: unknown): value is ShelvedFile {
  if (typeof value !== "object" || value === null) return false;
  const { name, bytes, storedAt, address, copies } = value as Record<string, unknown>;
  const isAddress = typeof address === "string" && /^(?:[0-9a-f]{64}){1,2}$/.test(address);
  return typeof name === "string" && typeof bytes === "number" && typeof storedAt === "number" && isAddress && typeof copies === "number";
}
