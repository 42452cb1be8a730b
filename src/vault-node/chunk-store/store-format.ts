// The format marker of a chunk store: a program that cannot read it is told which version can.
import { z } from "zod";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import { VolumeError } from "../errors.ts";

/** The format written here, and the first version that reads it. */
export const storeFormat = 1;
const firstVersion = "0.1.0";

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
  const { format, oldestReader, oldestReaderVersion } = marker.data;
  if (oldestReader <= storeFormat) return;
  throw new VolumeError(
    "newer-format",
    `the chunk store has format ${format} (${path}); this program reads up to format ${storeFormat}: install version ${oldestReaderVersion} or later`,
  );
}

const marker = { format: storeFormat, oldestReader: storeFormat, oldestReaderVersion: firstVersion };
const markerText = `${JSON.stringify(marker, undefined, 2)}\n`;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
