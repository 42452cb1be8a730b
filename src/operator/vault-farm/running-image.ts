// Which image the pods of a farm run: the one that was there when the farm was made, until a person raises
// `update.behaviourVersion`. An operator that comes with another one shows it and waits. Pure.

/** An image, and the `update.behaviourVersion` at which the farm took it. */
export type RunningImage = { readonly image: string; readonly behaviourVersion: number };

/**
 * The image for the pods of a farm that wants `behaviourVersion`, out of what is remembered of it (absent: nothing) and what
 * the operator came with. A number that fell takes nothing: an older image has to be offered by an older operator.
 */
export function imageToRun(kept: RunningImage | undefined, behaviourVersion: number, offered: string): RunningImage {
  if (kept !== undefined && behaviourVersion <= kept.behaviourVersion) return kept;
  return { image: offered, behaviourVersion };
}
