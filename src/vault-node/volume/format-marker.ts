// The format marker of a volume: which program can read it, whose it is, and how often it was started. A release reads
// its own format and the one before; an older program refuses and names the version needed. Pure but for its text.
import { z } from "zod";
import { type Address, parseAddress } from "../../protocol/address.ts";
import { type PeerId, parsePeerId } from "../../protocol/peer-id.ts";
import { VolumeError } from "../errors.ts";

/** The format this program writes. */
export const volumeFormat = 1;
/** The oldest format whose readers can still use what this program writes, and the first version that reads it. */
export const oldestReader = { format: 1, version: "0.1.0" } as const;

export type FormatMarker = {
  readonly format: number;
  /** The least format a program must know to use the volume, and the version that brought it. */
  readonly oldestReader: number;
  readonly oldestReaderVersion: string;
  readonly peerId: PeerId;
  readonly networkId: Address;
  /** How often a process was started on it: one more each time, on disk before it is used. */
  readonly startCounter: number;
};

const markerSchema: z.ZodType<FormatMarker> = z.looseObject({
  format: z.int().min(1),
  oldestReader: z.int().min(1),
  oldestReaderVersion: z.string().min(1).max(63),
  peerId: z.custom<PeerId>((text) => typeof text === "string" && parsePeerId(text) !== undefined, "expected a PeerId"),
  networkId: z.custom<Address>((text) => typeof text === "string" && parseAddress(text) !== undefined, "expected a network id"),
  startCounter: z.int().min(0),
});

/** The marker of a new volume, before its first start. */
export function newMarker(peerId: PeerId, networkId: Address): FormatMarker {
  return {
    format: volumeFormat,
    oldestReader: oldestReader.format,
    oldestReaderVersion: oldestReader.version,
    peerId,
    networkId,
    startCounter: 0,
  };
}

/** The marker in a file's text. Throws a `VolumeError`: damaged, newer-format, older-format. */
export function readMarker(text: string, where: string): FormatMarker {
  const marker = markerSchema.safeParse(parseJson(text, where));
  if (!marker.success) throw new VolumeError("damaged", `${where}: ${marker.error.issues[0]?.message ?? "not a format marker"}`);
  const { format, oldestReader: least, oldestReaderVersion } = marker.data;
  if (least > volumeFormat)
    throw new VolumeError(
      "newer-format",
      `${where} has format ${format}; this program reads up to format ${volumeFormat}: install version ${oldestReaderVersion} or later`,
    );
  if (format < volumeFormat - 1)
    throw new VolumeError(
      "older-format",
      `${where} has format ${format}; this program reads ${volumeFormat - 1} and ${volumeFormat}: start the version before this one on it once`,
    );
  return marker.data;
}

/** The marker for the next start. A format from a newer program is kept, so that one rollback is always safe. */
export function markerOfNextStart(marker: FormatMarker): FormatMarker {
  const startCounter = marker.startCounter + 1;
  return marker.format > volumeFormat ? { ...marker, startCounter } : { ...marker, ...currentFormat, startCounter };
}

const currentFormat = { format: volumeFormat, oldestReader: oldestReader.format, oldestReaderVersion: oldestReader.version };

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VolumeError("damaged", `${where} is not JSON; restore the volume or start with an empty one`, cause);
  }
}
