// Network namespaces for nodes, joined by a bridge, so that a link can be cut as a pulled cable cuts it, or all of them parted
// from each other as a dead switch between them does. Needs root and iproute2.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { ip, namespacesRefused, quietly, removeLeftNamespace, takeNamespaces } from "./network-namespaces.ts";
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
const bridge = `${tag}br`;
const subnet = "10.213.77";

const namespace = (number: number): string => `${tag}n${number}`;
const hostSide = (number: number): string => `${tag}h${number}`;
const ipOf = (number: number): string => `${subnet}.${number + 1}`;
const hostIp = `${subnet}.254`;
const macOf = (number: number): string => `02:00:00:00:77:${(number + 1).toString(16).padStart(2, "0")}`;
const hostMac = "02:00:00:00:77:fe";

/** Why namespaces cannot be made here, or undefined where they can. */
export const linksRefused = (): string | undefined => namespacesRefused(`${tag}try`);

/** Makes `count` namespaces with a link each, after those that a killed run left. Rejects where another has some. */
export async function createLinks(count: number): Promise<Links> {
  const lock = await takeNamespaces("node-links");
  for (let number = 0; number < count; number += 1) removeLeftovers(number);
  quietly(() => ip("link", "del", bridge));
  ip("link", "add", bridge, "address", hostMac, "type", "bridge", "stp_state", "0", "forward_delay", "0");
  ip("addr", "add", `${hostIp}/24`, "dev", bridge);
  ip("link", "set", bridge, "up");
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
        ip("link", "set", hostSide(number), "type", "bridge_slave", "isolated", parted ? "on" : "off");
    },
    remove: async () => {
      const ended = once(batch, "exit");
      batch.stdin.end();
      await ended;
      for (let number = 0; number < count; number += 1) ip("netns", "del", namespace(number));
      ip("link", "del", bridge);
      lock.close();
    },
  };
}

function removeLeftovers(number: number): void {
  removeLeftNamespace(namespace(number));
  quietly(() => ip("link", "del", hostSide(number)));
}

/** Each knows its neighbours for good: asking for them again takes up to a second after a link is up. */
function addLink(number: number, count: number): void {
  const [space, outside] = [namespace(number), hostSide(number)];
  ip("netns", "add", space);
  ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "address", macOf(number), "netns", space);
  ip("link", "set", outside, "master", bridge, "up");
  ip("-n", space, "addr", "add", `${ipOf(number)}/24`, "dev", "eth0");
  ip("-n", space, "link", "set", "eth0", "up");
  ip("-n", space, "link", "set", "lo", "up");
  const neighbour = (of: string, mac: string): readonly string[] => ["neigh", "replace", of, "lladdr", mac, "nud", "permanent", "dev"];
  ip(...neighbour(ipOf(number), macOf(number)), bridge);
  ip("-n", space, ...neighbour(hostIp, hostMac), "eth0");
  for (let other = 0; other < count; other += 1) if (other !== number) ip("-n", space, ...neighbour(ipOf(other), macOf(other)), "eth0");
}
