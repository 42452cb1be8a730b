// The paths between simulated nodes as the failure detector meets them: datagrams that are lost, late and overtake, and cuts
// that no connection notices, as of a pulled cable: messages wait on them, datagrams are gone.
import type { PeerId } from "../../src/protocol/peer-id.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import type { Random } from "../../src/runtime/random.ts";

/** Share of datagrams lost, and the delay of each, drawn from min to max milliseconds. */
export type Weather = { readonly lossRate: number; readonly delayMs: readonly [min: number, max: number] };

export type SimLinks = {
  /** Receives datagrams under a port of its own until `close`. */
  bind(peer: PeerId, receive: (bytes: Buffer) => void): { readonly port: number; close(): void };
  send(from: PeerId, port: number, bytes: Uint8Array): void;
  setWeather(weather: Weather): void;
  weather(): Weather;
  /** Nothing passes between these two any more, or between one and all others; `datagrams`: its messages still do. */
  cut(what: "all" | "datagrams", a: PeerId, b?: PeerId): void;
  heal(): void;
  /** Resolves once a message may pass between the two. */
  passage(a: PeerId, b: PeerId): Promise<void>;
};

type Cut = { readonly what: "all" | "datagrams"; readonly a: PeerId; readonly b: PeerId | undefined };

const calm: Weather = { lossRate: 0, delayMs: [0.05, 0.3] };

/** Paths that lose nothing, between nobody yet. */
export function createSimLinks(clock: Clock, random: Random): SimLinks {
  const sockets = new Map<number, { readonly peer: PeerId; readonly receive: (bytes: Buffer) => void }>();
  let weather = calm;
  let cuts: Cut[] = [];
  let waiting: (() => void)[] = [];
  let ports = 0;
  const isCut = (a: PeerId, b: PeerId, byWhat: (what: Cut["what"]) => boolean): boolean =>
    cuts.some((cut) => byWhat(cut.what) && ((cut.a === a && (cut.b ?? b) === b) || (cut.a === b && (cut.b ?? a) === a)));
  return {
    bind: (peer, receive) => {
      ports += 1;
      const port = ports;
      sockets.set(port, { peer, receive });
      return { port, close: () => void sockets.delete(port) };
    },
    send: (from, port, bytes) => {
      const socket = sockets.get(port);
      const [min, max] = weather.delayMs;
      const isLost = random.fraction() < weather.lossRate;
      const delayMs = min + random.fraction() * (max - min);
      if (socket === undefined || isLost || isCut(from, socket.peer, () => true)) return;
      // The sender writes its next heartbeat over this one.
      const arrived = Buffer.from(bytes);
      clock.after(delayMs, () => sockets.get(port)?.receive(arrived));
    },
    setWeather: (next) => {
      weather = next;
    },
    weather: () => weather,
    cut: (what, a, b) => void cuts.push({ what, a, b }),
    heal: () => {
      cuts = [];
      weather = calm;
      for (const go of waiting.splice(0)) go();
      waiting = [];
    },
    passage: async (a, b) => {
      while (isCut(a, b, (what) => what === "all")) await new Promise<void>((go) => void waiting.push(go));
    },
  };
}
