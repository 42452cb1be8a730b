// Who may store through a gateway: nobody, or whoever reaches it, within its quotas.

export const writePolicies = ["off", "open"] as const;
export type WritePolicy = (typeof writePolicies)[number];
