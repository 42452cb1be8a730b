// Ports for members of a local farm: free when chosen, and below the range from which the system deals out ports for
// outgoing connections, so that a port that is kept between runs is rarely taken by chance.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { Random } from "../../runtime/random.ts";

const host = "127.0.0.1";
const lowest = 20_000;
const highest = 32_000;
// With thousands of candidates this many misses in a row mean something else is wrong.
const triesMax = 200;

/** Whether a server could listen on this TCP port of the loopback address now. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Whether a socket could be bound to this UDP port of the loopback address now. */
export function udpPortIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

/** `count` different ports free for TCP and UDP, none of them in `taken`, which they join. */
export async function chooseFreePorts(count: number, taken: Set<number>, random: Random): Promise<readonly number[]> {
  const chosen: number[] = [];
  for (let tries = 0; chosen.length < count; tries += 1) {
    if (tries > triesMax + count) throw new Error(`no free port found between ${lowest} and ${highest}`);
    const port = lowest + Math.floor(random.fraction() * (highest - lowest));
    if (taken.has(port) || !(await portIsFree(port)) || !(await udpPortIsFree(port))) continue;
    taken.add(port);
    chosen.push(port);
  }
  return chosen;
}

/** The first free port from `first` on that is not in `taken`, which it joins. */
export async function nextFreePort(first: number, taken: Set<number>): Promise<number> {
  for (let port = first; port < first + triesMax && port <= 65_535; port += 1) {
    if (taken.has(port) || !(await portIsFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new Error(`no free port found from ${first} on`);
}
