// Names, ports and zones for new members of a local farm, and new ports for a member whose old ones are taken.
import { gatewayPort } from "../../protocol/ports.ts";
import type { Random } from "../../runtime/random.ts";
import type { FarmState, GatewayPlace, NodePlace } from "./farm-state.ts";
import { chooseFreePorts, nextFreePort, portIsFree, udpPortIsFree } from "./free-port.ts";

// Base32 without letters that read like digits (RFC 4648 alphabet, lower case).
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const suffixLength = 5;

/** A place in `zone` for one more node: a name never used before by this farm, free ports. */
export async function placeNode(state: FarmState, zone: string, random: Random): Promise<NodePlace> {
  return { name: newName(state, random), zone, ports: await nodePorts(state, random), granted: false };
}

/** A place for one more gateway. The first takes `port` where one is given, else the usual one or the next free. */
export async function placeGateway(state: FarmState, random: Random, port?: number): Promise<GatewayPlace> {
  const taken = takenPorts(state);
  const [own = 0, libp2p = 0, lane = 0] = await chooseFreePorts(3, taken, random);
  const http = state.gateways.length > 0 ? own : (port ?? (await nextFreePort(gatewayPort, taken)));
  return { name: newName(state, random), port: http, libp2p, lane };
}

/** `node` with other ports where one of its own is taken by now. */
export async function withFreeNodePorts(state: FarmState, node: NodePlace, random: Random): Promise<NodePlace> {
  const { heartbeat, ...tcp } = node.ports;
  const free = (await allFree(Object.values(tcp))) && (await udpPortIsFree(heartbeat));
  return free ? node : { ...node, ports: await nodePorts(state, random) };
}

/** `gateway` with other ports where one of its own is taken by now; `keepPort` leaves its HTTP port alone. */
export async function withFreeGatewayPorts(
  state: FarmState,
  gateway: GatewayPlace,
  random: Random,
  keepPort: boolean,
): Promise<GatewayPlace> {
  if (await allFree(keepPort ? [gateway.libp2p, gateway.lane] : [gateway.port, gateway.libp2p, gateway.lane])) return gateway;
  const taken = takenPorts(state);
  const [libp2p = 0, lane = 0] = await chooseFreePorts(2, taken, random);
  return { ...gateway, libp2p, lane, port: keepPort ? gateway.port : await nextFreePort(gateway.port, taken) };
}

async function nodePorts(state: FarmState, random: Random): Promise<NodePlace["ports"]> {
  const [libp2p = 0, lane = 0, heartbeat = 0, health = 0, admin = 0] = await chooseFreePorts(5, takenPorts(state), random);
  return { libp2p, lane, heartbeat, health, admin };
}

async function allFree(ports: readonly number[]): Promise<boolean> {
  return (await Promise.all(ports.map(portIsFree))).every((free) => free);
}

function takenPorts({ nodes, gateways }: FarmState): Set<number> {
  return new Set([
    ...nodes.flatMap(({ ports }) => Object.values(ports)),
    ...gateways.flatMap(({ port, libp2p, lane }) => [port, libp2p, lane]),
  ]);
}

function newName(state: FarmState, random: Random): string {
  const used = new Set([...state.nodes, ...state.gateways].map(({ name }) => name));
  for (;;) {
    const suffix = Array.from(random.bytes(suffixLength), (byte) => alphabet[byte % alphabet.length]).join("");
    const name = `${state.name}-${suffix}`;
    if (!used.has(name)) return name;
  }
}
