// The accounts under which a farm's pods run: of their own, with no rights and no token, so that what somebody once granted to
// the namespace's default account is not granted to a farm.
import { type FarmIdentity, farmMeta, type Manifest, objectNames } from "./names.ts";

/** The account of the vault nodes. */
export function nodeAccount(farm: FarmIdentity): Manifest {
  return account(farm, "node", objectNames.nodeAccount(farm.name));
}

/** The account of the gateways. */
export function gatewayAccount(farm: FarmIdentity): Manifest {
  return account(farm, "gateway", objectNames.gatewayAccount(farm.name));
}

function account(farm: FarmIdentity, component: "node" | "gateway", name: string): Manifest {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: farmMeta(farm, name, component),
    // For pods too that others run under it.
    automountServiceAccountToken: false,
  };
}
