// The command `kubectl vaultfarm`: which cluster it speaks to is in the environment, as for kubectl itself.
import { runProcess } from "../command-process.ts";
import { kubectlVaultfarm } from "./command-line.ts";

const passedOn = ["PATH", "HOME", "LANG", "TZ", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];
await runProcess(kubectlVaultfarm, process.env, passedOn);
