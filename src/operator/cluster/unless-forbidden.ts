// Tells a call that the API server forbids from every other failure: nothing but what depends on that call has to wait for it.
import { KubeError } from "../kube/index.ts";

/** Does it; the error where the server forbade a call of it, so that what does not depend on it goes on. Throws every other error. */
export async function unlessForbidden(act: () => Promise<unknown>): Promise<KubeError | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (isForbidden(error)) return error;
    throw error;
  }
}

export function isForbidden(error: unknown): error is KubeError {
  return error instanceof KubeError && error.code === "forbidden";
}
