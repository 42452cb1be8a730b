// `vaultfarm up`: makes a local farm where there is none, starts it, keeps it running until Ctrl-C.
import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { readManifest } from "../../operator/api/read-manifest.ts";
import type { VaultFarm } from "../../operator/api/vault-farm.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import { readyText, statusPlace, statusText } from "../farm-text.ts";
import { clusterOnlyWishes } from "../local-farm/cluster-only.ts";
import { changesLeftOut } from "../local-farm/existing-farm.ts";
import { FarmError } from "../local-farm/farm-error.ts";
import { type FarmFolder, farmFolder } from "../local-farm/farm-folder.ts";
import { type FarmState, readFarmState } from "../local-farm/farm-state.ts";
import { viewFarm } from "../local-farm/farm-view.ts";
import { lastWords } from "../local-farm/last-words.ts";
import { awaitStopped, type HeldFarm, type OpenFarm, openFarm } from "../local-farm/open-farm.ts";
import { removeFarm } from "../local-farm/remove-farm.ts";
import { scaledSpec, wantedNodes } from "../local-farm/scale-wish.ts";
import { superviseFarm } from "../local-farm/supervisor.ts";
import type { Output } from "../output.ts";
import { createStartReport, type StartFailure } from "../start-report.ts";
import { describeSystemError, isSystemError } from "../system-error.ts";

export type UpOptions = {
  /** Manifest; absent = the sample that comes with the package. */
  readonly file?: string;
  readonly data: string;
  readonly port?: number;
  readonly restart: boolean;
  readonly ephemeral?: boolean;
};

/** Runs a farm until it is stopped; or, where it runs already, shows how it is. Rejects with a `FarmError` or `CommandError`. */
export async function up(world: CommandWorld, output: Output, options: UpOptions): Promise<void> {
  const manifest = await loadManifest(world, options.file);
  const unheard = clusterOnlyWishes(manifest.spec);
  if (unheard.length > 0) output.note(`in a cluster only, and without effect on a farm of this machine: ${unheard.join(", ")}`);
  const folder = farmFolder(resolve(world.workFolder, options.data), manifest.metadata.name);
  const farm = { ...manifest, spec: await scaledSpec(folder, manifest.spec) };
  const manifestNodes = manifest.spec.replicas;
  if (farm.spec.replicas !== manifestNodes)
    output.note(`${manifest.metadata.name} was scaled to ${farm.spec.replicas} nodes; the manifest says ${manifestNodes}`);
  const asked = { farm, manifestNodes, folder, options };
  const opened = await open(world, output, asked);
  if (opened.kind !== "open") return attach(world, output, asked);
  noteLeavers(output, farm, opened.state);
  try {
    await run(world, output, { ...asked, opened });
  } finally {
    if (options.ephemeral === true) await removeFarm(folder, opened.lock);
    else await opened.lock.release();
  }
}

// `farm` has the nodes that it is to have, which may be others than its manifest asks for.
type Asked = { readonly farm: VaultFarm; readonly manifestNodes: number; readonly folder: FarmFolder; readonly options: UpOptions };

function noteLeavers(output: Output, { metadata: { name }, spec }: VaultFarm, { nodes }: FarmState): void {
  const surplus = nodes.length - spec.replicas;
  if (surplus > 0)
    output.note(
      `${name} has ${nodes.length} nodes, and ${spec.replicas} are wanted: ${surplus} ${surplus === 1 ? "leaves" : "leave one by one"}, once it is proven that others have the copies; vaultfarm scale ${nodes.length} takes that back`,
    );
}

/** The farm, once an earlier `up` that is just stopping it has let go. */
async function open(world: CommandWorld, output: Output, { farm, manifestNodes, folder, options }: Asked): Promise<OpenFarm | HeldFarm> {
  const { port, ephemeral = false } = options;
  for (;;) {
    const opened = await openFarm({ farm, manifestNodes, folder, mustBeNew: ephemeral, ...(port === undefined ? {} : { port }) }, world);
    if (opened.kind !== "stopping") return opened;
    output.note(`${farm.metadata.name} is just being stopped by process ${opened.pid}; it is started again after that`);
    await awaitStopped(folder, opened.pid, world);
  }
}

async function loadManifest(world: CommandWorld, file: string | undefined): Promise<VaultFarm> {
  const path = file === undefined ? resolve(world.packageFolder, "deploy/samples/attic.yaml") : resolve(world.workFolder, file);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const why = isSystemError(cause) ? describeSystemError(cause).message : String(cause);
    throw new CommandError(exitCodes.notFound, "no-manifest", `the manifest cannot be read: ${why}`, cause);
  }
  const reading = readManifest(text);
  if (reading.ok) return reading.farm;
  throw new FarmError(
    "bad-manifest",
    [`${file ?? path} is not a farm yet:`, ...reading.problems.map(({ message }) => `  ${message}`)].join("\n"),
  );
}

async function attach(world: CommandWorld, output: Output, { farm, folder, options }: Asked): Promise<void> {
  const state = await readFarmState(folder);
  if (state === undefined) throw new FarmError("running", "the farm is being made by another process; try again in a moment");
  const glance = await viewFarm(folder, state);
  output.json(glance.view);
  output.line(statusText(glance, statusPlace(world, folder.root)));
  const left = changesLeftOut(farm.spec, { ...state, wantedNodes: await wantedNodes(folder, state) }, options.port);
  if (left.length > 0)
    output.note(`it runs as before; to carry out what is asked for now (${left.join(", ")}): vaultfarm down, then vaultfarm up`);
}

type Run = Asked & { readonly opened: OpenFarm };

async function run(world: CommandWorld, output: Output, { farm, manifestNodes, folder, opened, options }: Run): Promise<void> {
  const gaveUp = new AbortController();
  let failure: StartFailure | undefined;
  const dataFolder = relative(world.workFolder, folder.root) || folder.root;
  const report = createStartReport({
    output,
    clock: world.clock,
    logOf: (kind, name) => relative(world.workFolder, folder.member(kind, name).log),
    giveUp: (why) => {
      failure = why;
      gaveUp.abort(new Error(why.message));
    },
    onReady: async (state) => {
      const glance = await viewFarm(folder, state);
      output.json(glance.view);
      output.line(readyText(glance, dataFolder));
    },
  });
  const stop = AbortSignal.any([world.interrupted, gaveUp.signal]);
  // Only a courtesy to whoever looks: without the mark the farm counts as running until its lock is gone.
  stop.addEventListener("abort", () => void opened.lock.markStopping().catch(() => {}), { once: true });
  await superviseFarm(
    {
      folder,
      spec: { ...farm.spec, replicas: manifestNodes },
      state: opened.state,
      keys: opened.keys,
      ...(options.port === undefined ? {} : { port: options.port }),
      restart: options.restart,
      baseEnv: { ...world.baseEnv, NODE_COMPILE_CACHE: folder.compileCache },
      clock: world.clock,
      random: world.random,
      onLook: report.look,
      onNews: output.note,
    },
    stop,
  );
  await report.end();
  if (failure !== undefined) throw await startError(world, failure);
  output.line(
    options.ephemeral === true
      ? `${farm.metadata.name} has stopped; its data is removed`
      : `${farm.metadata.name} has stopped; its data stays in ${dataFolder}`,
  );
}

async function startError(world: CommandWorld, { message, log }: StartFailure): Promise<FarmError> {
  const words = await lastWords(resolve(world.workFolder, log));
  return new FarmError("not-ready", words === undefined ? message : `${message}\n  ${words}`);
}
