// The TCP sockets that this machine, or this network namespace of it, has: Linux shows them as text in proc(5).
import { readFile } from "node:fs/promises";

export type TcpSocket = {
  readonly localPort: number;
  readonly isListening: boolean;
  /** What was handed to the kernel and the other side has not acknowledged; the end of the stream counts as one byte. */
  readonly unsentBytes: number;
  readonly inode: string;
};

// include/net/tcp_states.h of Linux.
const listen = "0A";

/** Those of both address families, also the ones that no process holds any more; none on systems other than Linux. */
export async function readTcpSockets(): Promise<readonly TcpSocket[]> {
  const tables = await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => "")));
  return tables.flatMap(parseTcpTable);
}

/** Of a table as proc(5) describes `/proc/net/tcp`. Lines that are no sockets are left out. */
export function parseTcpTable(table: string): readonly TcpSocket[] {
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, queues = "", , , , , inode = ""] = line.trim().split(/\s+/);
    const port = /:([0-9A-F]{4})$/.exec(local)?.[1];
    const unsent = /^([0-9A-F]{8}):/.exec(queues)?.[1];
    if (port === undefined || unsent === undefined) return [];
    return [{ localPort: Number.parseInt(port, 16), isListening: state === listen, unsentBytes: Number.parseInt(unsent, 16), inode }];
  });
}
