// The remembered state of a farm while it runs: changed in one place, compared by identity, written down when it changed.
import type { FarmState, GatewayPlace, NodePlace, TakenNode } from "./farm-state.ts";

export type FarmBook = {
  state(): FarmState;
  node(name: string): NodePlace | undefined;
  gateway(name: string): GatewayPlace | undefined;
  addNode(node: NodePlace): void;
  addGateway(gateway: GatewayPlace): void;
  removeGateway(name: string): void;
  /** The node is none of the farm any more; what is to become of its folder is remembered. */
  takeNode(node: TakenNode): void;
  /** That has been done. */
  forgetTaken(name: string): void;
  /** Changes fields of a member; nothing happens where they already are so. */
  changeNode(name: string, change: Partial<NodePlace>): void;
  changeGateway(name: string, change: Partial<GatewayPlace>): void;
};

/** A book that begins with `state`. */
export function createFarmBook(initial: FarmState): FarmBook {
  let state = initial;
  return {
    state: () => state,
    node: (name) => state.nodes.find((node) => node.name === name),
    gateway: (name) => state.gateways.find((gateway) => gateway.name === name),
    addNode: (node) => {
      state = { ...state, nodes: [...state.nodes, node] };
    },
    addGateway: (gateway) => {
      state = { ...state, gateways: [...state.gateways, gateway] };
    },
    removeGateway: (name) => {
      state = { ...state, gateways: state.gateways.filter((gateway) => gateway.name !== name) };
    },
    takeNode: (taken) => {
      const nodes = state.nodes.filter(({ name }) => name !== taken.name);
      if (nodes.length < state.nodes.length) state = { ...state, nodes, taken: [...(state.taken ?? []), taken] };
    },
    forgetTaken: (name) => {
      state = { ...state, taken: (state.taken ?? []).filter((taken) => taken.name !== name) };
    },
    changeNode: (name, change) => {
      const nodes = withChange(state.nodes, name, change);
      if (nodes !== state.nodes) state = { ...state, nodes };
    },
    changeGateway: (name, change) => {
      const gateways = withChange(state.gateways, name, change);
      if (gateways !== state.gateways) state = { ...state, gateways };
    },
  };
}

function withChange<T extends { readonly name: string }>(members: readonly T[], name: string, change: Partial<T>): readonly T[] {
  const differs = (member: T): boolean => Object.entries(change).some(([field, value]) => Reflect.get(member, field) !== value);
  if (!members.some((member) => member.name === name && differs(member))) return members;
  return members.map((member) => (member.name === name ? { ...member, ...change } : member));
}
