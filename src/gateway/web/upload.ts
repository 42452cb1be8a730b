// One upload: a quote first, so that a refusal comes before the bytes; then the file goes out in one request, while a
// second one tells how far the gateway and the vaults are.

export type UploadStep = { readonly bytes: number; readonly total: number };
export type StoredAnswer = {
  readonly address: string;
  readonly bytes: number;
  readonly chunks: number;
  readonly copies: { readonly min: number; readonly max: number };
};
export type Refusal = { readonly code: string; readonly text: string };

export type UploadListener = {
  sent(step: UploadStep): void;
  encrypted(step: UploadStep): void;
  confirmed(chunks: { readonly done: number; readonly total: number }): void;
};

export type UploadOutcome =
  | { readonly kind: "stored"; readonly object: StoredAnswer }
  | { readonly kind: "refused"; readonly refusal: Refusal };

type Progress = { readonly bytes: number; readonly bytesTotal?: number; readonly chunksConfirmed: number; readonly chunks: number };

/** Sends `file`; resolves with what became of it. Aborting ends the request. */
export async function upload(file: File, isPublic: boolean, listener: UploadListener, signal: AbortSignal): Promise<UploadOutcome> {
  const url = `/v1/objects${isPublic ? "?public" : ""}`;
  const quoted = await quote(file.size, signal);
  if (quoted.kind === "refused") return quoted;
  const id = uploadId();
  const events = new EventSource(`/v1/uploads/${id}/events`);
  events.addEventListener("progress", (message) => {
    const progress = JSON.parse((message as MessageEvent<string>).data) as Progress;
    listener.encrypted({ bytes: progress.bytes, total: file.size });
    listener.confirmed({ done: progress.chunksConfirmed, total: Math.max(quoted.chunks, progress.chunks) });
  });
  try {
    return await send(file, url, id, { listener, signal });
  } finally {
    events.close();
  }
}

type Quote = { readonly kind: "quote"; readonly chunks: number } | (UploadOutcome & { readonly kind: "refused" });

const lost: Refusal = {
  code: "connection",
  text: "The connection to the gateway was lost. What the vaults have stays there: trying again sends the rest.",
};
const unreadable: Refusal = {
  code: "unreadable",
  text: "Your browser cannot read this: it is a folder (pack it into one file first), or it was changed or removed since you chose it (choose it again).",
};
const cancelled: Refusal = { code: "cancelled", text: "Cancelled." };

async function quote(bytes: number, signal: AbortSignal): Promise<Quote> {
  try {
    const answer = await fetch(`/v1/objects?dry-run&bytes=${bytes}`, { method: "POST", signal });
    const said = (await answer.json()) as { chunks?: number; code?: string; title?: string; detail?: string };
    if (answer.ok) return { kind: "quote", chunks: said.chunks ?? 0 };
    return { kind: "refused", refusal: { code: said.code ?? String(answer.status), text: problemText(said.title, said.detail) } };
  } catch {
    return { kind: "refused", refusal: signal.aborted ? cancelled : lost };
  }
}

function uploadId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// XMLHttpRequest, because fetch does not tell how much of a body has left.
function send(
  file: File,
  url: string,
  id: string,
  { listener, signal }: { listener: UploadListener; signal: AbortSignal },
): Promise<UploadOutcome> {
  const { promise, resolve } = Promise.withResolvers<UploadOutcome>();
  const refused = (refusal: Refusal): void => resolve({ kind: "refused", refusal });
  const request = new XMLHttpRequest();
  request.open("POST", url);
  request.setRequestHeader("upload-id", id);
  request.setRequestHeader("content-type", "application/octet-stream");
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded }) => listener.sent({ bytes: loaded, total: file.size }));
  request.addEventListener("load", () => {
    const answer = request.response as (StoredAnswer & { code?: string; title?: string; detail?: string }) | null;
    if (request.status === 201 && answer !== null) resolve({ kind: "stored", object: answer });
    else refused({ code: answer?.code ?? String(request.status), text: problemText(answer?.title, answer?.detail) });
  });
  request.addEventListener("error", () => void whyNotSent(file).then(refused));
  request.addEventListener("abort", () => refused(cancelled));
  signal.addEventListener("abort", () => request.abort(), { once: true });
  request.send(file);
  return promise;
}

/** A request fails alike where the connection breaks and where the browser cannot read the file. */
function whyNotSent(file: File): Promise<Refusal> {
  return file
    .slice(0, 1)
    .arrayBuffer()
    .then(
      () => lost,
      () => unreadable,
    );
}

function problemText(title: string | undefined, detail: string | undefined): string {
  if (title === undefined) return "The gateway gave no reason.";
  return detail === undefined ? `${title}.` : `${title}: ${detail}.`;
}
