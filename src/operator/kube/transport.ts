// How bytes reach the API server: a small interface, with HTTP/2 and HTTP/1.1 behind it, so that everything above can be
// tested with either.

export type TransportRequest = {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The name that is asked for, where the server hands the request on to somebody who does not know the server's own. */
  readonly host?: string;
  /** Watches stay open for minutes and have their own connection. */
  readonly kind: "call" | "watch";
  readonly signal: AbortSignal;
};

export type TransportAnswer = {
  readonly status: number;
  header(name: string): string | undefined;
  /** Throws a `TransportError` where the connection breaks. Must be read to its end or aborted. */
  readonly body: AsyncIterable<Uint8Array>;
};

export type Transport = {
  /** Rejects with a `TransportError`, or with the signal's reason. */
  send(request: TransportRequest): Promise<TransportAnswer>;
  /** Host and port, for metrics. */
  readonly host: string;
  /** Connections that are open now. */
  connections(): number;
  close(): Promise<void>;
};

/** A connection that could not be made, or broke. `sent` is false where the server cannot have seen the request. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly sent: boolean;
  constructor(message: string, facts: { sent: boolean; cause?: unknown }) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.sent = facts.sent;
  }
}
