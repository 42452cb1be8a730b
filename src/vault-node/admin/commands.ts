// The commands of the admin port, each already known to be signed by the admin key: grant, first peers, wanted state,
// certificates by the owner, inventory. A body is parsed once, here.
import { z } from "zod";
import type { CertificateOffer } from "../../network/membership/certificates/confirmed-book.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import { checkGrant } from "../../protocol/grant.ts";
import { type NodeAddress, nodeAddress } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type StopPurpose, stopPurposes, stopStatementMax } from "../../protocol/safe-to-stop.ts";
import { type DesiredState, desiredStates } from "../../protocol/states.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type HttpAnswer, type HttpRequest, jsonAnswer, problemAnswer } from "../../runtime/http-server.ts";
import { type AddressList, answerInventory } from "../inventory.ts";
import type { Leaving } from "../safe-to-stop/leaving.ts";
import type { StopJob } from "../safe-to-stop/stop-jobs.ts";
import type { StopStatements } from "../safe-to-stop/stop-statements.ts";

/** What commands act upon. Each promise resolves once the change is on disk. */
export type CommandParts = {
  readonly genesis: Genesis;
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly store: AddressList;
  setGrant(grant: Uint8Array): Promise<void>;
  setDesired(state: DesiredState): Promise<void>;
  addPeers(addresses: readonly NodeAddress[]): void;
  /** Absent where this node makes no statements that a node may be stopped. */
  readonly stops?: Pick<StopStatements, "state" | "witness" | "confirm"> | undefined;
  /** Takes what this node shows when it leaves for good; absent where it never does. */
  readonly leaving?: Pick<Leaving, "offer"> | undefined;
  /** Takes in a membership certificate by the owner; absent where the node takes no part in certificates. */
  readonly offerCertificate: ((bytes: Uint8Array) => Promise<CertificateOffer>) | undefined;
};

/** Addresses in one command. */
export const commandPeersMax = 256;

const peersBody: z.ZodType<readonly NodeAddress[]> = z.array(nodeAddress).max(commandPeersMax);
const desiredBody: z.ZodType<{ readonly state: DesiredState }> = z.object({ state: z.enum(desiredStates) });

const stopBody: z.ZodType<{ readonly purpose: StopPurpose }> = z.object({ purpose: z.enum(stopPurposes) });

const signedText = z.string().max(2 * stopStatementMax);
const leaveBody: z.ZodType<{ readonly statement: string; readonly witness: string }> = z.object({
  statement: signedText,
  witness: signedText,
});

/** Undefined where this node has no such command. */
type Command = (parts: CommandParts, request: HttpRequest) => Promise<HttpAnswer | undefined>;

const commands: Readonly<Record<string, Command>> = {
  "PUT /v1/grant": async ({ genesis, peerId, clock, setGrant }, { body }) => {
    const checked = checkGrant(genesis, body, peerId, clock.wallMs());
    if (!checked.ok) return problemAnswer(422, "bad-grant", checked.why);
    await setGrant(body);
    return jsonAnswer(200, { granted: true, notAfterMs: checked.value.notAfterMs });
  },
  "PUT /v1/peers": async ({ addPeers }, request) => {
    const peers = readJson(peersBody, request);
    if (!peers.ok) return peers.answer;
    addPeers(peers.value);
    return jsonAnswer(200, { peers: peers.value.length });
  },
  "PUT /v1/desired": async ({ setDesired }, request) => {
    const desired = readJson(desiredBody, request);
    if (!desired.ok) return desired.answer;
    await setDesired(desired.value.state);
    return jsonAnswer(200, { state: desired.value.state });
  },
  // Both answer 202 while they work: whoever asks, asks again.
  "POST /v1/safe-to-stop": async ({ stops }, request) => {
    const asked = readJson(stopBody, request);
    if (!asked.ok) return asked.answer;
    return stops === undefined ? noStops() : stopAnswer(await stops.state(asked.value.purpose));
  },
  // `of=network`: the word of whose turn it is among all live nodes, of which some may take no commands from here.
  "POST /v1/stop-witness": async ({ stops }, { body, query }) => {
    if (body.length > stopStatementMax) return problemAnswer(413, "bad-body", `a statement has at most ${stopStatementMax} bytes`);
    return stops === undefined ? noStops() : stopAnswer(await (query.get("of") === "network" ? stops.confirm(body) : stops.witness(body)));
  },
  // Whoever stops the node for good hands it what shows that it may; said to the others when it stops, within a minute.
  "PUT /v1/leave": async ({ leaving }, request) => {
    const pair = readJson(leaveBody, request);
    if (!pair.ok) return pair.answer;
    const verdict = leaving?.offer(Buffer.from(pair.value.statement, "base64url"), Buffer.from(pair.value.witness, "base64url"));
    if (verdict?.ok === false) return problemAnswer(422, "may-not-leave", verdict.why);
    return verdict === undefined ? noStops() : jsonAnswer(200, { leaves: true });
  },
  "PUT /v1/certificate": async ({ offerCertificate }, { body }) => {
    const offered = await offerCertificate?.(body);
    if (offered?.kind === "refused") return problemAnswer(422, "bad-certificate", `${offered.code}: ${offered.why}`);
    if (offered?.kind === "ahead") return problemAnswer(409, "other-chain", "it follows a certificate that this node does not have");
    if (offered?.kind === "outdone") return problemAnswer(409, "outdone", "another certificate has this place in the chain");
    return offered === undefined ? undefined : jsonAnswer(200, { certificate: offered.kind });
  },
  "GET /v1/inventory": ({ store }, request) => answerInventory(store, request),
};

/** Carries out a command; unknown ones and malformed bodies get a problem document. */
export async function runCommand(parts: CommandParts, request: HttpRequest): Promise<HttpAnswer> {
  const name = `${request.method} ${request.path}`;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return (await command?.(parts, request)) ?? problemAnswer(404, "not-found", `known here: ${Object.keys(commands).join(", ")}`);
}

function noStops(): HttpAnswer {
  return problemAnswer(404, "not-found", "this node makes no statements");
}

function stopAnswer(job: StopJob): HttpAnswer {
  switch (job.kind) {
    case "working":
      return jsonAnswer(202, { working: true });
    case "done":
      return jsonAnswer(200, { signed: Buffer.from(job.bytes).toString("base64url") });
    case "failed":
      return problemAnswer(503, "not-made", job.why);
  }
}

type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly answer: HttpAnswer };

function readJson<T>(schema: z.ZodType<T>, { body }: HttpRequest): Parsed<T> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return { ok: false, answer: problemAnswer(400, "bad-body", "the body is not JSON") };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, answer: problemAnswer(400, "bad-body", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as expected"}`) };
}
