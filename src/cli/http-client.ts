// One HTTP exchange with a gateway, streaming both ways, with errors that say what to do.
import { type IncomingMessage, Agent as PlainAgent, request as requestPlain } from "node:http";
import { request as requestTls, Agent as TlsAgent } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ConnectionOptions } from "node:tls";
import { z } from "zod";
import { CommandError } from "./command-error.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { isSystemError } from "./system-error.ts";

/** A gateway, and how it is reached: what every request to it carries, and in words where it is looked after. */
export type Gateway = {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: ConnectionOptions;
  readonly look: string;
};

export type Exchange = {
  readonly method: "GET" | "POST";
  readonly gateway: Gateway;
  /** Below the gateway's URL. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readable;
  readonly signal: AbortSignal;
};

/** The answer of a gateway with status 2xx, its body not read yet. Rejects with a `CommandError` for everything else. */
export async function exchange({ method, gateway, path, headers = {}, body, signal }: Exchange): Promise<IncomingMessage> {
  const url = new URL(path, gateway.url);
  const [request, Agent] = url.protocol === "https:" ? [requestTls, TlsAgent] : [requestPlain, PlainAgent];
  // Kept alive, the connection survives a refusal that comes before the upload ends; else its words would be lost.
  const agent = new Agent({ ...gateway.tls, keepAlive: true });
  const sent = request(url, { method, headers: { ...gateway.headers, ...headers }, signal, agent });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve);
    sent.once("error", reject);
  });
  // An early refusal (413, 507) ends the upload; then the answer counts, not the cut pipe.
  let bodyFault: unknown;
  body?.once("error", (fault) => {
    bodyFault = fault;
  });
  const uploaded = body === undefined ? sent.end() : pipeline(body, sent).catch(() => undefined);
  try {
    const answer = await answered;
    if ((answer.statusCode ?? 0) < 300) return answer;
    const refused = await refusal(answer);
    sent.destroy();
    throw refused;
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    if (signal.aborted) throw new CommandError(exitCodes.interrupted, "interrupted", "interrupted", cause);
    // What could not be read ends the upload as a cut would, and is the better reason.
    if (bodyFault instanceof CommandError || (isSystemError(bodyFault) && !cutCodes.includes(bodyFault.code))) throw bodyFault;
    throw unreachable(gateway, cause);
  } finally {
    await uploaded;
  }
}

/** The whole body of a small answer as JSON. Rejects where it is longer than 1 MiB or not JSON. */
export async function readJsonBody(answer: IncomingMessage): Promise<unknown> {
  return JSON.parse(await readText(answer));
}

const cutCodes = ["EPIPE", "ECONNRESET"];

function unreachable({ url, look }: Gateway, cause: unknown): CommandError {
  if (cause instanceof Error && "code" in cause && cutCodes.includes(String(cause.code))) {
    const message = `the gateway ${url.origin} closed the connection in the middle; try again, and see its log if it happens again`;
    return new CommandError(exitCodes.unreachable, "cut", message, cause);
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CommandError(
    exitCodes.unreachable,
    "unreachable",
    `the gateway ${url.origin} does not answer (${why}); is the farm running? see: ${look}`,
    cause,
  );
}

const exitCodeOfStatus: Readonly<Record<number, ExitCode>> = {
  400: exitCodes.usage,
  403: exitCodes.refused,
  404: exitCodes.notFound,
  409: exitCodes.refused,
  413: exitCodes.refused,
  422: exitCodes.usage,
  429: exitCodes.refused,
  502: exitCodes.damaged,
  503: exitCodes.refused,
  507: exitCodes.refused,
};

// Where the status alone says too little: an address whose second half is wrong names no object.
const exitCodeOfProblem: Readonly<Record<string, ExitCode>> = { "wrong-key": exitCodes.notFound };

async function refusal(answer: IncomingMessage): Promise<CommandError> {
  const status = answer.statusCode ?? 0;
  const text = await readText(answer).catch(() => "");
  const ofCluster = parseServerStatus(text);
  if (ofCluster !== undefined) return clusterRefusal(status, ofCluster);
  const problem = parseProblem(text);
  const exitCode = exitCodeOfProblem[problem.code ?? ""] ?? exitCodeOfStatus[status] ?? exitCodes.failed;
  return new CommandError(exitCode, problem.code ?? `http-${status}`, problem.detail ?? problem.title ?? `the gateway answered ${status}`);
}

type Problem = { readonly code?: string; readonly detail?: string; readonly title?: string };

function parseProblem(text: string): Problem {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return {};
    const textOf = (key: string): Record<string, string> => {
      const value: unknown = Reflect.get(parsed, key);
      return typeof value === "string" ? { [key]: value } : {};
    };
    return { ...textOf("code"), ...textOf("detail"), ...textOf("title") };
  } catch {
    return {};
  }
}

// What an API server says that did not come as far as the gateway.
const exitCodeOfServerStatus: Readonly<Record<number, ExitCode>> = {
  401: exitCodes.refused,
  403: exitCodes.refused,
  404: exitCodes.notFound,
  429: exitCodes.refused,
};

function clusterRefusal(status: number, { reason, message }: ServerStatus): CommandError {
  return new CommandError(exitCodeOfServerStatus[status] ?? exitCodes.unreachable, reason, `the API server answered ${status}: ${message}`);
}

type ServerStatus = { readonly reason: string; readonly message: string };

function parseServerStatus(text: string): ServerStatus | undefined {
  try {
    const parsed = serverStatus.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

const serverStatus = z.object({
  kind: z.literal("Status"),
  apiVersion: z.literal("v1"),
  message: z.string().default("nothing"),
  reason: z.string().default("Unknown"),
});

const textMax = 1024 * 1024;

async function readText(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of answer.setEncoding("utf8") as AsyncIterable<string>) {
    text += piece;
    if (text.length > textMax) throw new RangeError(`the answer is longer than ${textMax} characters`);
  }
  return text;
}
