// The format marker of a chunk store: a program that cannot read it is told which version can.
import { z } from "zod";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import { VolumeError } from "../errors.ts";

/**
 * The format written here. 1 had an index in lmdb; the segments are the same, so each makes its own index of them and either
 * program can go back to the other.
 */
export const storeFormat = 2;
const oldestReader = { format: 1, version: "0.1.0" } as const;

const markerSchema: z.ZodType<{ format: number; oldestReader: number; oldestReaderVersion: string }> = z.looseObject({
  format: z.int().min(1),
  oldestReader: z.int().min(1),
  oldestReaderVersion: z.string().min(1).max(63),
});

/** Checks the marker at `path`, or writes it for a new store. Rejects with a `VolumeError` newer-format or damaged. */
export async function checkStoreFormat(path: string): Promise<void> {
  const bytes = await readFileIfThere(path);
  if (bytes === undefined) return writeFileAtomic(path, markerText);
  const marker = markerSchema.safeParse(parseJson(Buffer.from(bytes).toString("utf8")));
  if (!marker.success) throw new VolumeError("damaged", `${path} is no format marker; restore it from a backup`);
  const { format, oldestReader: least, oldestReaderVersion } = marker.data;
  if (least <= storeFormat) return format < storeFormat ? writeFileAtomic(path, markerText) : undefined;
  throw new VolumeError(
    "newer-format",
    `the chunk store has format ${format} (${path}); this program reads up to format ${storeFormat}: install version ${oldestReaderVersion} or later`,
  );
}

const marker = { format: storeFormat, oldestReader: oldestReader.format, oldestReaderVersion: oldestReader.version };
const markerText = `${JSON.stringify(marker, undefined, 2)}\n`;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
