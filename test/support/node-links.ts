// Network namespaces for nodes, joined by a bridge, so that a link can be cut as a pulled cable cuts it, or all of them parted
// from each other as a dead switch between them does. Needs root and iproute2.
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { NodeSeat } from "./node-group.ts";

export type Links = {
  seat(number: number): NodeSeat;
  /** Where this process is reached from every namespace. */
  readonly hostIp: string;
  /** Takes the link of a node down or up; the change is under way when this returns. */
  set(number: number, state: "down" | "up"): void;
  /** Lets no namespace reach another while `parted`; this process reaches all. In force when this returns. */
  part(parted: boolean): void;
  remove(): Promise<void>;
};

const tag = "vflinks";
/** A name that the kernel frees with the process that holds it (unix(7), abstract): two runs would have the same addresses. */
const lockName = "\0vaultfarm-node-links";
const bridge = `${tag}br`;
const subnet = "10.213.77";

const namespace = (number: number): string => `${tag}n${number}`;
const hostSide = (number: number): string => `${tag}h${number}`;
const ipOf = (number: number): string => `${subnet}.${number + 1}`;
const hostIp = `${subnet}.254`;
const macOf = (number: number): string => `02:00:00:00:77:${(number + 1).toString(16).padStart(2, "0")}`;
const hostMac = "02:00:00:00:77:fe";

/** Why namespaces cannot be made here, or undefined where they can. */
export function linksRefused(): string | undefined {
  try {
    run("netns", "add", `${tag}try`);
    run("netns", "del", `${tag}try`);
    return undefined;
  } catch (error) {
    return `network namespaces need root and iproute2: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  }
}

/** Makes `count` namespaces with a link each, after those that a killed run left. Rejects where another has some. */
export async function createLinks(count: number): Promise<Links> {
  const lock = await takeLock();
  for (let number = 0; number < count; number += 1) removeLeftovers(number);
  quietly(() => run("link", "del", bridge));
  run("link", "add", bridge, "address", hostMac, "type", "bridge", "stp_state", "0", "forward_delay", "0");
  run("addr", "add", `${hostIp}/24`, "dev", bridge);
  run("link", "set", bridge, "up");
  for (let number = 0; number < count; number += 1) addLink(number, count);
  // One process that reads commands: starting a program for each cut would take longer than what is measured. At real-time
  // priority, since it waited up to 3 ms for a core while the link went on carrying heartbeats (so: 0.2 ms at most).
  const batch: ChildProcessWithoutNullStreams = spawn("chrt", ["-f", "50", "ip", "-batch", "-"]);
  return {
    hostIp,
    seat: (number) => ({ ip: ipOf(number), prefix: ["ip", "netns", "exec", namespace(number)] }),
    set: (number, state) => void batch.stdin.write(`link set dev ${hostSide(number)} ${state}\n`),
    part: (parted) => {
      for (let number = 0; number < count; number += 1)
        run("link", "set", hostSide(number), "type", "bridge_slave", "isolated", parted ? "on" : "off");
    },
    remove: async () => {
      const ended = once(batch, "exit");
      batch.stdin.end();
      await ended;
      for (let number = 0; number < count; number += 1) run("netns", "del", namespace(number));
      run("link", "del", bridge);
      lock.close();
    },
  };
}

async function takeLock(): Promise<Server> {
  const lock = createServer();
  try {
    await once(lock.listen(lockName), "listening");
  } catch (cause) {
    throw new Error("another test or bench on this machine has the same network namespaces", { cause });
  }
  lock.unref();
  return lock;
}

/** Nodes in a namespace outlive a run that was killed, and keep the namespace. */
function removeLeftovers(number: number): void {
  quietly(() => {
    for (const pid of run("netns", "pids", namespace(number)).split("\n")) if (pid !== "") process.kill(Number(pid), "SIGKILL");
  });
  quietly(() => run("netns", "del", namespace(number)));
  quietly(() => run("link", "del", hostSide(number)));
}

/** What is not there need not be removed. */
function quietly(remove: () => void): void {
  try {
    remove();
  } catch {}
}

/** Each knows its neighbours for good: asking for them again takes up to a second after a link is up. */
function addLink(number: number, count: number): void {
  const [space, outside] = [namespace(number), hostSide(number)];
  run("netns", "add", space);
  run("link", "add", outside, "type", "veth", "peer", "name", "eth0", "address", macOf(number), "netns", space);
  run("link", "set", outside, "master", bridge, "up");
  run("-n", space, "addr", "add", `${ipOf(number)}/24`, "dev", "eth0");
  run("-n", space, "link", "set", "eth0", "up");
  run("-n", space, "link", "set", "lo", "up");
  const neighbour = (ip: string, mac: string): readonly string[] => ["neigh", "replace", ip, "lladdr", mac, "nud", "permanent", "dev"];
  run(...neighbour(ipOf(number), macOf(number)), bridge);
  run("-n", space, ...neighbour(hostIp, hostMac), "eth0");
  for (let other = 0; other < count; other += 1) if (other !== number) run("-n", space, ...neighbour(ipOf(other), macOf(other)), "eth0");
}

function run(...args: readonly string[]): string {
  return execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}
