// The profiles of a network's paths, by which nodes choose how often they say that they live: one vocabulary for settings,
// manifests and the failure detector.

/** cluster: machines of one network with quiet cores · lan: busy or shared ones · wan: as the path allows. */
export const profileNames = ["cluster", "lan", "wan"] as const;
export type ProfileName = (typeof profileNames)[number];
