// The transport that fits the server: HTTP/2 where TLS offers it, HTTP/1.1 otherwise.
import type { Socket } from "node:net";
import type { Clock } from "../../runtime/clock.ts";
import { type Dialled, dial, type Protocol, type ServerAddress } from "./dial.ts";
import { createHttp1Transport } from "./http1-transport.ts";
import { createHttp2Transport } from "./http2-transport.ts";
import { type Transport, TransportError } from "./transport.ts";

/** auto: as TLS says, HTTP/1.1 for plain http: · http2: also without TLS. */
export type ProtocolChoice = "auto" | "http1" | "http2";

const either: readonly Protocol[] = ["h2", "http/1.1"];

/** A transport to `address`; nothing is connected before the first request. */
export function createTransport(address: ServerAddress, clock: Clock, choice: ProtocolChoice = "auto"): Transport {
  const { server } = address;
  const speaking = (protocol: Protocol) => async () => (await dial(address, clock, [protocol])).socket;
  if (choice === "http2") return createHttp2Transport({ server, clock, dial: speaking("h2") });
  if (choice === "http1" || server.protocol === "http:") return createHttp1Transport({ server, dial: speaking("http/1.1") });
  let chosen: Promise<Transport> | undefined;
  let standing: Transport | undefined;
  const choose = async (): Promise<Transport> => {
    standing = fitting(address, clock, await dial(address, clock, either));
    return standing;
  };
  return {
    host: server.host,
    connections: () => standing?.connections() ?? 0,
    send: async (request) => {
      request.signal.throwIfAborted();
      chosen ??= choose();
      const mine = chosen;
      // A server that could not be reached is asked anew by the next request.
      const transport = await mine.catch((error: unknown) => {
        if (chosen === mine) chosen = undefined;
        throw error;
      });
      return transport.send(request);
    },
    close: async () => {
      const transport = await chosen?.catch(() => undefined);
      await transport?.close();
    },
  };
}

// The connection that told which protocol it is becomes the first of its transport.
function fitting(address: ServerAddress, clock: Clock, first: Dialled): Transport {
  let unused: Socket | undefined = first.socket;
  const take = async (): Promise<Socket> => {
    const socket = unused;
    unused = undefined;
    if (socket !== undefined && !socket.destroyed) return socket;
    const next = await dial(address, clock, either);
    if (next.protocol === first.protocol) return next.socket;
    next.socket.destroy();
    throw new TransportError(`${address.server.host} spoke ${first.protocol} before and now ${next.protocol}`, { sent: false });
  };
  const { server } = address;
  return first.protocol === "h2" ? createHttp2Transport({ server, clock, dial: take }) : createHttp1Transport({ server, dial: take });
}
