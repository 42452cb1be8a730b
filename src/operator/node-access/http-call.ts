// One bounded HTTP request to a member of a farm, for status and commands: small bodies, a deadline, no redirects.
import { request } from "node:http";
import { systemClock } from "../../runtime/clock.ts";

export type HttpCall = {
  readonly method: "GET" | "PUT" | "POST";
  /** An address, never a name. */
  readonly ip: string;
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
};
export type HttpReply = { readonly status: number; header(name: string): string | undefined; readonly body: Uint8Array };
/** The answer, undefined where none comes in time. Never rejects. */
export type CallMember = (call: HttpCall) => Promise<HttpReply | undefined>;

/** Largest answer, bytes: the status of a node with the most vaults. */
const answerMax = 1024 * 1024;

/** Calls through the machine's network. */
export const callMember: CallMember = ({ method, ip, port, path, headers = {}, body, timeoutMs }) =>
  new Promise((resolve) => {
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const sent = request({ host: ip, port, path, method, headers: { ...headers, ...length }, agent: false }, (answer) => {
      const pieces: Buffer[] = [];
      let size = 0;
      answer.on("data", (piece: Buffer) => {
        size += piece.length;
        if (size > answerMax) answer.destroy();
        else pieces.push(piece);
      });
      answer.once("error", () => resolve(undefined));
      answer.once("close", () => resolve(undefined));
      answer.once("end", () => {
        const header = (name: string): string | undefined => answer.headers[name]?.toString();
        resolve({ status: answer.statusCode ?? 0, header, body: new Uint8Array(Buffer.concat(pieces)) });
      });
    });
    sent.once("error", () => resolve(undefined));
    // No `AbortSignal.timeout`: that one makes an error with its stack for each call that was answered long before.
    const late = systemClock.after(timeoutMs, () => sent.destroy());
    sent.once("close", late.cancel);
    sent.end(body);
  });
