// The reference of the lane bench: framed chunks over one plain TCP connection, read into one fixed buffer and put
// together in pooled buffers, without cipher, check or worker.
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

const requestBytes = 8;
const readBufferBytes = 256 * 1024;

/** A server that answers each 8-byte request {length u32, 0} with that many bytes. Resolves with its port. */
export function servePlain(content: Uint8Array): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    let asked = Buffer.alloc(0);
    const waiting: number[] = [];
    const send = (): void => {
      while (waiting.length > 0 && !socket.writableNeedDrain) socket.write(content.subarray(0, waiting.shift()));
    };
    socket.on("drain", send);
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      asked = Buffer.concat([asked, bytes]);
      for (; asked.length >= requestBytes; asked = asked.subarray(requestBytes)) waiting.push(asked.readUInt32BE(0));
      send();
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve({ port: (server.address() as AddressInfo).port, server }));
  });
}

/** Fetches `count` chunks of `size` bytes, `parallel` at a time, over one connection. */
export function fetchPlain(port: number, size: number, { count, parallel }: { count: number; parallel: number }): Promise<void> {
  const pool = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)];
  return new Promise((resolve, reject) => {
    let asked = 0;
    let arrived = 0;
    let offset = 0;
    const ask = (): void => {
      if (asked >= count) return;
      asked += 1;
      const request = Buffer.alloc(requestBytes);
      request.writeUInt32BE(size, 0);
      socket.write(request);
    };
    const take = (length: number, bytes: Uint8Array): boolean => {
      for (let at = 0; at < length; ) {
        const taken = Math.min(size - offset, length - at);
        pool[arrived % 2]?.set(bytes.subarray(at, at + taken), offset);
        at += taken;
        offset += taken;
        if (offset < size) continue;
        offset = 0;
        arrived += 1;
        ask();
        if (arrived === count) {
          socket.destroy();
          resolve();
        }
      }
      return true;
    };
    const onread = { buffer: Buffer.alloc(readBufferBytes), callback: take };
    const socket: Socket = connect({ host: "127.0.0.1", port, noDelay: true, onread }, () => {
      for (let i = 0; i < parallel; i += 1) ask();
    });
    socket.on("error", reject);
  });
}
