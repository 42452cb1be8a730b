// Network namespaces for nodes, joined by paths that are slow, uneven and lossy as those of the internet: a relay in user space
// (slow-links.pl, which says how it treats packets) holds a TUN device of each. For kernels without netem. Needs root, iproute2, perl
// and /dev/net/tun.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { ip, namespacesRefused, quietly, removeLeftNamespace, takeNamespaces } from "./network-namespaces.ts";
import type { Links } from "./node-links.ts";

/** What every packet meets on the way from one end to another. */
export type SlowPath = {
  /** One way, and by how much each packet is sooner or later, evenly. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Part of the packets that is lost, 0 to 1. */
  readonly loss: number;
  /** Which packets are late or lost. */
  readonly seed: number;
};

/** Packets since the start: `full`: dropped since more were under way than the relay holds. */
export type PacketCounts = { readonly carried: number; readonly lost: number; readonly full: number };

/** Links as those of a bridge, this process among their ends. A node that is `down` neither sends nor gets anything. */
export type SlowLinks = Omit<Links, "part"> & { counts(): Promise<PacketCounts> };

const tag = "vfslow";
const subnet = "10.213.78";
const hostIp = `${subnet}.254`;
const hostDevice = `${tag}h`;
const relayFile = fileURLToPath(new URL("slow-links.pl", import.meta.url));
// At real-time priority: what waits for a core would be a jitter that nobody asked for.
const relayCommand = ["-f", "50", "perl", relayFile] as const;
/** Characters of what it complained of last. */
const complaintMax = 2_000;

const namespace = (number: number): string => `${tag}n${number}`;
const device = (number: number): string => `${tag}${number}`;
const ipOf = (number: number): string => `${subnet}.${number + 1}`;

/** Why slow links cannot be made here, or undefined where they can. */
export function slowLinksRefused(): string | undefined {
  const refused = namespacesRefused(`${tag}try`);
  if (refused !== undefined) return refused;
  const path = pathArguments({ delayMs: 0, jitterMs: 0, loss: 0, seed: 1 });
  // It ends at once, since its input does.
  const tried = spawnSync("chrt", [...relayCommand, ...path, `${tag}try=${ipOf(0)}`], { input: "", encoding: "utf8" });
  if (tried.status === 0) return undefined;
  return `slow links need perl, chrt and /dev/net/tun: ${tried.error?.message ?? tried.stderr.trim()}`;
}

/** Makes `count` namespaces with slow paths between all of them and this process, after those that a killed run left. Rejects where another has some. */
export async function createSlowLinks(count: number, path: SlowPath): Promise<SlowLinks> {
  const lock = await takeNamespaces("slow-links");
  const numbers = Array.from({ length: count }, (_, number) => number);
  for (const number of numbers) removeLeftNamespace(namespace(number));
  const ends = [`${hostDevice}=${hostIp}`, ...numbers.map((number) => `${device(number)}=${ipOf(number)}`)];
  const relay = spawn("chrt", [...relayCommand, ...pathArguments(path), ...ends]);
  const said = linesOf(relay);
  const remove = async (): Promise<void> => {
    relay.stdin.end();
    const problem = await said.ended;
    for (const number of numbers) quietly(() => ip("netns", "del", namespace(number)));
    lock.close();
    if (problem !== undefined) throw new Error(problem);
  };
  try {
    await said.next("ready");
    for (const number of numbers) seatDevice(number);
    setUp([], { name: hostDevice, address: hostIp });
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    hostIp,
    seat: (number) => ({ ip: ipOf(number), prefix: ["ip", "netns", "exec", namespace(number)] }),
    set: (number, state) => void relay.stdin.write(`${state} ${ipOf(number)}\n`),
    counts: async () => {
      relay.stdin.write("counts\n");
      const [carried, lost, full] = (await said.next("counts ")).split(" ").slice(1).map(Number);
      return { carried: carried ?? 0, lost: lost ?? 0, full: full ?? 0 };
    },
    remove,
  };
}

function pathArguments({ delayMs, jitterMs, loss, seed }: SlowPath): readonly string[] {
  return [delayMs, jitterMs, loss, seed].map(String);
}

/** The device follows into the namespace; the relay still holds its other side. */
function seatDevice(number: number): void {
  const space = namespace(number);
  ip("netns", "add", space);
  ip("link", "set", device(number), "netns", space);
  ip("-n", space, "link", "set", "lo", "up");
  setUp(["-n", space], { name: device(number), address: ipOf(number) });
}

function setUp(where: readonly string[], { name, address }: { readonly name: string; readonly address: string }): void {
  ip(...where, "addr", "add", `${address}/24`, "dev", name);
  ip(...where, "link", "set", name, "up");
}

type Lines = {
  /** The next line that begins so; rejects once the relay has ended. */
  next(start: string): Promise<string>;
  /** Resolves with what was wrong, or undefined where the relay ended because it was told to. */
  readonly ended: Promise<string | undefined>;
};

function linesOf(relay: ChildProcessWithoutNullStreams): Lines {
  let complaint = "";
  relay.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-complaintMax);
  });
  const waiting: { readonly start: string; readonly resolve: (line: string) => void }[] = [];
  let rest = "";
  relay.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const index = waiting.findIndex(({ start }) => line.startsWith(start));
      if (index >= 0) waiting.splice(index, 1)[0]?.resolve(line);
    }
  });
  // A command to a relay that is gone: its end says why.
  relay.stdin.on("error", () => {});
  const ended = once(relay, "close").then(
    ([code]) => (code === 0 ? undefined : `the relay ended: ${complaint.trim() || String(code)}`),
    (error: unknown) => `the relay did not start: ${String(error)}`,
  );
  return {
    next: (start) =>
      new Promise((resolve, reject) => {
        waiting.push({ start, resolve });
        void ended.then((problem) => reject(new Error(problem ?? "the relay ended")));
      }),
    ended,
  };
}
