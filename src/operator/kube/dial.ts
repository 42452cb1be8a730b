// One connection to the API server: TCP, and TLS with the certificates as they are at this moment.
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../runtime/clock.ts";
import { connectTimeoutMs } from "./limits.ts";
import { TransportError } from "./transport.ts";

export type TlsFiles = { readonly ca?: string; readonly cert?: string; readonly key?: string };

/** How the server is reached. Files are asked for at each connection, so that renewed ones are used. */
export type ServerAddress = {
  /** http: or https:. */
  readonly server: URL;
  readonly tls: { readonly serverName?: string; readonly verify: boolean; files(): Promise<TlsFiles> };
};

export type Dialled = { readonly socket: Socket; readonly protocol: "h2" | "http/1.1" };

export type Protocol = Dialled["protocol"];

/** A new connection; of `offered`, the server chooses. Rejects with a `TransportError` where it cannot be made in time or the certificate is not good. */
export async function dial(address: ServerAddress, clock: Clock, offered: readonly Protocol[]): Promise<Dialled> {
  const { server, tls } = address;
  const failed = (cause: unknown): TransportError =>
    new TransportError(`no connection to ${server.host}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      sent: false,
      cause,
    });
  const host = server.hostname.replace(/^\[|\]$/g, "");
  try {
    if (server.protocol === "http:") {
      return { socket: await standing(connectTcp({ host, port: Number(server.port || 80) }), "connect", clock), protocol: "http/1.1" };
    }
    const { ca, cert, key } = await tls.files();
    const socket = connectTls({
      host,
      port: Number(server.port || 443),
      ALPNProtocols: [...offered],
      rejectUnauthorized: tls.verify,
      ...(tls.serverName === undefined ? (/^[\d.]+$|:/.test(host) ? {} : { servername: host }) : { servername: tls.serverName }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    await standing(socket, "secureConnect", clock);
    return { socket, protocol: socket.alpnProtocol === "h2" ? "h2" : "http/1.1" };
  } catch (cause) {
    throw failed(cause);
  }
}

function standing<S extends Socket>(socket: S, event: "connect" | "secureConnect", clock: Clock): Promise<S> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(connectTimeoutMs, () => socket.destroy(new Error(`not within ${connectTimeoutMs} ms`)));
    const failed = (cause: Error): void => {
      timer.cancel();
      reject(cause);
    };
    socket.once("error", failed);
    socket.once(event, () => {
      timer.cancel();
      socket.off("error", failed);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      resolve(socket);
    });
  });
}
