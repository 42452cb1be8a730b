// Metrics of the Kubernetes machinery that count nothing, for tests that look at something else.
import type {
  ControllerMetrics,
  ElectorMetrics,
  KubeMetrics,
  QueueMetrics,
  ReflectorMetrics,
  RestMetrics,
} from "../../src/operator/kube/metrics.ts";

const nothing = (): void => {};
export const silentRestMetrics: RestMetrics = { request: nothing, retry: nothing };
export const silentQueueMetrics: QueueMetrics = { watch: nothing, added: nothing, retried: nothing, waited: nothing, worked: nothing };
export const silentControllerMetrics: ControllerMetrics = {
  watch: nothing,
  reconciled: nothing,
  terminalError: nothing,
  panicked: nothing,
  timedOut: nothing,
};
export const silentElectorMetrics: ElectorMetrics = { master: nothing, slowPath: nothing };
export const silentReflectorMetrics: ReflectorMetrics = { listed: nothing, watched: nothing, event: nothing, objects: nothing };
export const silentKubeMetrics: KubeMetrics = {
  rest: () => silentRestMetrics,
  queue: () => silentQueueMetrics,
  controller: () => silentControllerMetrics,
  elector: () => silentElectorMetrics,
  reflector: () => silentReflectorMetrics,
};
