// Every condition that a farm or a node shows, in one place: what it is about, its reasons, and for each the status and the
// sentence that tells a person what is so and what can be done. Pages, columns and tests are made from it.

export type ConditionStatus = "True" | "False" | "Unknown";

/** Status and sentence of a reason. */
type Reason = readonly [ConditionStatus, string];

/** The conditions of a `VaultFarm`. `{…}` in a sentence is a fact that is filled in. */
export const farmConditions = {
  Ready: {
    about: "Whether every wanted node runs and answers, and the farm can be used.",
    reasons: {
      AllNodesReady: ["True", "All {nodes} nodes are ready."],
      SpecNotCarriedOut: [
        "True",
        "All {nodes} nodes are ready as they were wanted before; what the spec wants now is not carried out, see SpecAccepted.",
      ],
      NodesNotReady: ["False", "{ready} of {nodes} nodes are ready; {why}."],
      GatewaysNotReady: ["False", "All nodes are ready, and no gateway is; look at its pods."],
      Hibernating: ["False", "The farm hibernates: nothing runs, its volumes stay. Set spec.replicas above 0 to wake it."],
      GoingToSleep: ["False", "The farm is to hibernate, and {up} nodes still run; {why}."],
      SpecRefused: ["False", "What is wanted cannot be done; see SpecAccepted."],
    },
  },
  Progressing: {
    about: "Whether something is being done or waited for; status.plan says what.",
    reasons: {
      Working: ["True", "{action}: {why}."],
      Waiting: ["True", "{action} waits: {why}."],
      Settled: ["False", "Everything is as wanted."],
      SpecNotCarriedOut: ["False", "Everything is as it was wanted before; what the spec wants now is not carried out (see SpecAccepted)."],
      Halted: ["False", "Nothing is done while the farm is paused."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  Degraded: {
    about: "Whether something that was there is missing: a node that ran, an answer, a volume.",
    reasons: {
      AllWell: ["False", "Nothing that was there is missing."],
      CallRefused: [
        "True",
        "The API server forbids what this farm needs; give the right back, or make room in the quota or policy that it names. It is tried again every 15 seconds, and what does not need it goes on ({why}).",
      ],
      NodesMissing: ["True", "{nodes} not reachable; a node that cannot run again is replaced after spec.repair.lostAfterSeconds."],
      VolumeMissing: ["True", "The volume of {nodes} is gone; what it held is made again from other copies, and the node is replaced."],
      VolumeHeld: [
        "True",
        "{claims} deleted and still there after 5 minutes, held by the finalizers named: nothing of the farm uses them or waits for them, and their storage stays taken. Look at what set the finalizers (kubectl describe pvc).",
      ],
      VolumeBeingDeleted: [
        "True",
        "The claim of {nodes} was deleted, which nobody can take back; it stays while the pod uses it. Meanwhile the node hands over what it holds, and is replaced.",
      ],
      IdentityChanged: [
        "True",
        "{nodes} came back with another identity and is fenced; nothing is deleted. Look at its volume, then delete the VaultNode to drain and replace it.",
      ],
      StatusRefused: [
        "True",
        "The API server refuses the status of {nodes}, so what it shows is not so; it is tried again every minute, and everything else goes on ({why}).",
      ],
      SurplusNodes: [
        "True",
        "{nodes} made by hand: more nodes than spec.replicas wants, so one is taken away, those made by hand first; raise spec.replicas to keep it.",
      ],
      ForeignObjects: [
        "True",
        "{objects} not made for this farm, with a name that it needs or its label: nothing is done to them, and it goes without its own; rename or delete them, or take the label off. A claim with the name of a node that is its volume after all: give it the label vaultfarm.dev/node=NAME.",
      ],
      SelectorClash: [
        "True",
        "{pods} not of this farm, with the labels of its pods: its Services and its disruption budget take them for its own; give them other labels.",
      ],
      NoAnswer: ["Unknown", "No node answers, so nothing is taken away."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  DataAtRisk: {
    about: "Whether chunks have fewer copies than spec.copies.min.",
    reasons: {
      EnoughCopies: ["False", "Every chunk has {min} copies or more."],
      BelowMin: ["True", "{chunks} chunks have fewer than {min} copies; they are being copied again, and no node is stopped meanwhile."],
      HoldersSilent: ["Unknown", "Every chunk that is counted has {min} copies or more, but {why}."],
      OthersUncounted: ["Unknown", "Every chunk that is counted has {min} copies or more, but {why}."],
      NotCounted: ["Unknown", "No node has counted its copies yet."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  Draining: {
    about: "Whether a node hands over what it holds before it leaves.",
    reasons: {
      NoDrain: ["False", "No node is leaving."],
      HandingOver: ["True", "{node} hands over what it holds: {left} chunks still lack copies elsewhere."],
      ProvingCopies: ["True", "{node} has handed over; that its copies exist elsewhere is proven twice, 30 seconds apart, before it goes."],
      Blocked: ["True", "{node} cannot leave: {why}."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  NoSpareNode: {
    about: "Whether the loss of one node leaves fewer nodes than spec.copies.min.",
    reasons: {
      Spare: ["False", "A node can be lost, and {min} copies of everything still find nodes."],
      ExactlyMin: [
        "True",
        "With {nodes} nodes and copies.min {min} no node can be lost without going below; set spec.replicas to {more} or more.",
      ],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  CapacityLow: {
    about: "Whether the vaults are nearly full.",
    reasons: {
      Enough: ["False", "{used} percent of the capacity is in use."],
      NearlyFull: [
        "True",
        "{used} percent of the capacity is in use; raise spec.replicas or spec.vaultCapacity, or set spec.storage.autogrow.",
      ],
      Growing: ["True", "{used} percent of the capacity is in use; vaults grow to {capacity} each."],
      AtMaximum: ["True", "{used} percent of the capacity is in use and vaults are at autogrow.max; raise it, or spec.replicas."],
      NotKnown: ["Unknown", "No node has told what it holds yet."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  SpreadSatisfied: {
    about: "Whether nodes are spread over zones so that losing one zone leaves copies elsewhere.",
    reasons: {
      Spread: ["True", "{nodes} nodes in {zones} zones, at most {most} in one."],
      NoZones: ["Unknown", "The cluster's nodes carry no zone label {key}; copies are only spread over nodes."],
      Uneven: ["False", "{most} of {nodes} nodes are in zone {zone}; new nodes go to other zones, and the zone gives first."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  NetworkJoined: {
    about: "Whether the nodes found each other.",
    reasons: {
      Joined: ["True", "All {nodes} running nodes have met others."],
      Meeting: ["Unknown", "{nodes} started less than a minute ago and have not met the others yet."],
      Joining: ["False", "{nodes} have run for a minute or more and have not met another node."],
      Partitioned: [
        "False",
        "The nodes see only a part of each other: {text}. Look at network policies and at cluster nodes that are cut off.",
      ],
      Asleep: ["False", "No node runs."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  GatewayReady: {
    about: "Whether a gateway answers, and what leads to it from outside could be made.",
    reasons: {
      Answering: ["True", "{ready} of {wanted} gateways answer."],
      Renewing: [
        "True",
        "{ready} gateways answer, {outdated} of them with earlier settings or an earlier image until their successors answer. Where that stays so, look at the newest pod.",
      ],
      NoneReady: ["False", "None of {wanted} gateways answers yet; look at their pods."],
      NoGatewayApi: [
        "False",
        "{ready} of {wanted} gateways answer, and no HTTPRoute leads to them: this cluster does not have the kind (gateway.networking.k8s.io/v1). Install the Gateway API, or set spec.gateway.ingress instead of httpRoute.",
      ],
      NotExposed: ["False", "{ready} of {wanted} gateways answer, and no {kind} leads to them: the cluster refuses it ({why})."],
      NoneWanted: ["False", "No gateway is wanted; set spec.gateway.replicas to 1 or more to reach the farm by HTTP."],
      Asleep: ["False", "No gateway runs while the farm hibernates."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  MonitoringReady: {
    about: "Whether what tells Prometheus of the farm could be made, where spec.monitoring asks for it.",
    reasons: {
      Announced: ["True", "ServiceMonitor {name} tells Prometheus of the vault nodes and gateways."],
      Halted: ["Unknown", "ServiceMonitor {name} is looked at once the farm is no longer paused."],
      NoPrometheusOperator: [
        "False",
        "No ServiceMonitor tells Prometheus of the farm: this cluster does not have the kind (monitoring.coreos.com/v1). Install the Prometheus operator, or set spec.monitoring.serviceMonitor to false.",
      ],
      NotAnnounced: ["False", "ServiceMonitor {name} could not be made as it is wanted, so Prometheus may not know of the farm ({why})."],
      NoneWanted: ["False", "No ServiceMonitor is wanted; set spec.monitoring.serviceMonitor where a Prometheus operator runs."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  SpecAccepted: {
    about: "Whether what is wanted can be done. While it is not, the last good state keeps running.",
    reasons: {
      Accepted: ["True", "The spec is carried out."],
      Invalid: ["False", "{problems}. The last good state keeps running."],
      FewerNodesThanCopies: ["False", "{problems}. No node is taken away."],
      StoredDoesNotFit: ["False", "{problems}. No node is rebuilt with smaller vaults."],
      FixedField: ["False", "{problems}. The last good state keeps running."],
      SecretMissing: ["False", "{problems}. Nothing is begun until it is there."],
      NetworkInUse: ["False", "{problems}. Nothing of this farm is made, changed or removed meanwhile."],
    },
  },
  UpdateAvailable: {
    about: "Whether the operator came with another image than the farm's pods run.",
    reasons: {
      SameImage: ["False", "The farm runs the image that the operator came with."],
      OtherImage: [
        "True",
        "The farm runs {image}, and the operator came with {offered}; set spec.update.behaviourVersion to {next} to start its pods anew with it, one by one.",
      ],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
  Paused: {
    about: "Whether the farm is left as it is.",
    reasons: {
      NotPaused: ["False", "Changes are carried out."],
      PausedBySpec: ["True", "The farm is paused by spec.paused: nothing is made, changed or removed until it is false."],
      NotLookedAt: ["Unknown", "Not looked at: the spec is not carried out; see SpecAccepted."],
    },
  },
} as const;

/** The conditions of a `VaultNode`. */
export const nodeConditions = {
  Ready: {
    about: "Whether the node runs, has its volume open, and met others.",
    reasons: {
      Running: ["True", "The node serves its vaults."],
      Starting: ["False", "The pod runs, and the node is not ready yet."],
      NotScheduled: ["False", "The pod waits for a place: {why}."],
      NotRunning: ["False", "The pod does not run."],
      NotReachable: ["Unknown", "The node does not answer."],
      FencedOff: ["False", "The node is fenced: it runs, and the network does without it."],
      Stopped: ["False", "The node is stopped on purpose."],
      NoSuchFarm: [
        "False",
        "There is no VaultFarm {farm} in this namespace, so nothing is made for this node. Make that farm, or delete this VaultNode: its spec.farm is fixed.",
      ],
      IdentityChanged: [
        "False",
        "The volume holds another identity ({found}) than this node had ({known}); it is fenced and nothing is deleted.",
      ],
    },
  },
  Draining: {
    about: "Whether the node hands over what it holds before it leaves.",
    reasons: {
      Staying: ["False", "The node stays."],
      HandingOver: ["True", "{left} chunks still lack copies elsewhere."],
      ProvingCopies: ["True", "That its copies exist elsewhere is proven twice, 30 seconds apart."],
      Blocked: ["True", "It cannot leave: {why}."],
    },
  },
} as const;

/** Events that no condition tells: reason and sentence. All of them warn. */
export const eventSentences = {
  StatusOverwritten: "Somebody else changed the status, which is put right; kubectl get with --show-managed-fields names who writes it.",
  StatusRefused: "The API server refuses this object's status, so what it shows is not so; it is tried again every minute ({why}).",
} as const;

export type FarmConditionType = keyof typeof farmConditions;
export type NodeConditionType = keyof typeof nodeConditions;
export type FarmReason<T extends FarmConditionType> = keyof (typeof farmConditions)[T]["reasons"] & string;
export type NodeReason<T extends NodeConditionType> = keyof (typeof nodeConditions)[T]["reasons"] & string;

/** A condition that holds now; its generation and time are added when it is written. */
export type ConditionNow = {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
};

/** Facts that fill in a sentence. */
export type Facts = Readonly<Record<string, string | number>>;

/** Longest message of a condition, characters (Kubernetes: 32,768; a column and an event bear less). */
export const messageLengthMax = 1024;

/** Every type of condition that the operator writes; others in a list are somebody else's. */
export const ownConditionTypes: ReadonlySet<string> = new Set([...Object.keys(farmConditions), ...Object.keys(nodeConditions)]);

/** A condition of a farm, its sentence filled in. */
export function farmCondition<T extends FarmConditionType>(type: T, reason: FarmReason<T>, facts: Facts = {}): ConditionNow {
  return conditionNow(type, reason, farmConditions[type].reasons, facts);
}

/** A condition of a node, its sentence filled in. */
export function nodeCondition<T extends NodeConditionType>(type: T, reason: NodeReason<T>, facts: Facts = {}): ConditionNow {
  return conditionNow(type, reason, nodeConditions[type].reasons, facts);
}

/** What an event without a condition says, its sentence filled in. */
export function eventMessage(reason: keyof typeof eventSentences, facts: Facts = {}): string {
  return filledIn(eventSentences[reason], facts);
}

function conditionNow(type: string, reason: string, reasons: Readonly<Record<string, Reason>>, facts: Facts): ConditionNow {
  const found = reasons[reason];
  if (found === undefined) throw new TypeError(`${type} has no reason ${reason}`);
  const [status, sentence] = found;
  return { type, status, reason, message: filledIn(sentence, facts) };
}

function filledIn(sentence: string, facts: Facts): string {
  return sentence.replaceAll(/\{(\w+)\}/g, (hole, name: string) => String(facts[name] ?? hole)).slice(0, messageLengthMax);
}
