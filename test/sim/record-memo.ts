// One reader of node records for all nodes of a simulation: the same bytes are decoded and their signatures verified once in
// the process, not once at each node. It answers what the real reader answers; only the time it takes is not that of a farm.

import type { RecordReader } from "../../src/network/membership/record-book.ts";
import { type NodeRecord, readNodeRecord } from "../../src/protocol/node-record.ts";

/** Records remembered: some from each of 1,000 nodes. */
const recordsMax = 8_192;

/** A reader for the nodes of one network. */
export function createRecordMemo(): RecordReader {
  const read = new Map<string, NodeRecord>();
  return (networkId, bytes, wallMs) => {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const known = read.get(key);
    // What was good once stays good: virtual time does not go back.
    if (known !== undefined) return { ok: true, value: known };
    const reading = readNodeRecord(networkId, bytes, wallMs);
    if (!reading.ok) return reading;
    if (read.size >= recordsMax) read.clear();
    read.set(key, reading.value);
    return reading;
  };
}
