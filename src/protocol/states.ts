// The one vocabulary for what a vault or node is doing, used by records, commands, status, metrics and the page.

/** What a vault says of itself in its node's record. */
export const vaultStates = ["joining", "active", "cordoned", "draining", "fenced", "offline"] as const;
export type VaultState = (typeof vaultStates)[number];

/** What a person or the operator may want of a node; kept on its volume across restarts. */
export const desiredStates = ["active", "cordoned", "draining", "fenced", "offline"] as const;
export type DesiredState = (typeof desiredStates)[number];

/** What others see of a node: `live`, a view of their own (`away`, `suspected`), or `gone`. */
export const nodeViews = ["live", "away", "suspected", "gone"] as const;
export type NodeViewState = (typeof nodeViews)[number];

/** Whether a vault in this state takes new chunks. */
export function takesNewChunks(state: VaultState): boolean {
  return state === "joining" || state === "active";
}

/** Whether a vault in this state answers reads. */
export function servesReads(state: VaultState): boolean {
  return state === "joining" || state === "active" || state === "cordoned" || state === "draining";
}
