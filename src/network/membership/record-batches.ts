// Packs records into messages: as many as fit the limits of one exchange.
import { recordBytesPerMessageMax, recordsPerMessageMax } from "../../protocol/limits.ts";

/** The longest beginning of `records` that fits one message. */
export function fittingRecords(records: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = 0;
  const end = records.findIndex((record, index) => {
    bytes += record.length;
    return bytes > recordBytesPerMessageMax || index >= recordsPerMessageMax;
  });
  return end === -1 ? records : records.slice(0, end);
}

/** All `records`, message by message. */
export function* recordBatches(records: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  let rest = records;
  while (rest.length > 0) {
    const batch = fittingRecords(rest);
    yield batch;
    rest = rest.slice(batch.length);
  }
}
