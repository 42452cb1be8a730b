// Which rights each verb needs in the cluster, in one table: `--help`, the page and the tests take them from here.

export type Right = {
  readonly verbs: readonly ("get" | "list" | "create" | "patch" | "delete")[];
  /** With its subresource: "services/proxy". */
  readonly resource: string;
  /** API group; "" is the core. */
  readonly group: string;
  /** Without it the verb does the rest and says what is missing. */
  readonly optional?: true;
  /** In every namespace, or of things that have none. */
  readonly everywhere?: true;
};

/** The verbs that speak to a cluster. */
export const kubectlVerbs = [
  "status",
  "plan",
  "top",
  "drain",
  "undrain",
  "cordon",
  "uncordon",
  "fence",
  "unfence",
  "replace",
  "report",
  "logs",
  "put",
  "get",
  "destroy",
] as const;
export type KubectlVerb = (typeof kubectlVerbs)[number];

const group = "vaultfarm.dev";
const readFarms: Right = { verbs: ["get", "list"], resource: "vaultfarms", group };
const listNodes: Right = { verbs: ["list"], resource: "vaultnodes", group };
const askPods: Right = { verbs: ["get"], resource: "pods/proxy", group: "", optional: true };
/** Whether the kinds are known, and what else there is, where what is meant is missing. */
const lookRound = (resource: string): Right => ({ verbs: ["list"], resource, group, optional: true });
const readFarm: readonly Right[] = [{ verbs: ["get"], resource: "vaultfarms", group }, lookRound("vaultfarms")];
const changeNode: readonly Right[] = [{ verbs: ["get", "patch"], resource: "vaultnodes", group }, lookRound("vaultnodes")];

/** The rights of each verb. */
export const rights: Readonly<Record<KubectlVerb, readonly Right[]>> = {
  status: [readFarms, listNodes, { ...lookRound("vaultfarms"), everywhere: true }],
  plan: [...readFarm, listNodes, askPods],
  top: [readFarms, listNodes, askPods],
  drain: changeNode,
  undrain: changeNode,
  cordon: changeNode,
  uncordon: changeNode,
  fence: changeNode,
  unfence: changeNode,
  replace: [{ verbs: ["get", "delete"], resource: "vaultnodes", group }, lookRound("vaultnodes")],
  report: [
    readFarms,
    listNodes,
    { verbs: ["list"], resource: "pods", group: "", optional: true },
    { verbs: ["list"], resource: "persistentvolumeclaims", group: "", optional: true },
    { verbs: ["list"], resource: "events", group: "", optional: true },
    { verbs: ["get"], resource: "pods/log", group: "", optional: true },
    askPods,
    { verbs: ["list"], resource: "pods", group: "", optional: true, everywhere: true },
    { verbs: ["get"], resource: "pods/log", group: "", optional: true, everywhere: true },
    { ...askPods, everywhere: true },
  ],
  logs: [...readFarm, { verbs: ["list"], resource: "pods", group: "" }, { verbs: ["get"], resource: "pods/log", group: "" }],
  put: [readFarms, { verbs: ["create"], resource: "services/proxy", group: "" }],
  get: [readFarms, { verbs: ["get"], resource: "services/proxy", group: "" }],
  destroy: [
    { verbs: ["get", "delete"], resource: "vaultfarms", group },
    { verbs: ["list", "delete"], resource: "persistentvolumeclaims", group: "" },
    { verbs: ["get", "delete"], resource: "secrets", group: "" },
    { verbs: ["get", "delete"], resource: "configmaps", group: "" },
    { verbs: ["list"], resource: "persistentvolumes", group: "", optional: true, everywhere: true },
  ],
};

/** The rights of a verb in words: "get, list vaultfarms.vaultfarm.dev". */
export function rightsText(verb: KubectlVerb): string {
  const all = rights[verb];
  const words = ({ verbs, resource, group: of, everywhere }: Right): string =>
    `${verbs.join(", ")} ${resource}${of === "" ? "" : `.${of}`}${everywhere === true ? " (in the whole cluster)" : ""}`;
  const needed = all.filter(({ optional }) => optional !== true).map(words);
  const more = all.filter(({ optional }) => optional === true).map(words);
  return `${needed.join("; ")}${more.length === 0 ? "" : `; where granted also: ${more.join("; ")}`}`;
}
