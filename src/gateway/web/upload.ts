// One upload: the file goes out in one request, while a second one tells how far the gateway and the vaults are.

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
  const id = uploadId();
  const events = new EventSource(`/v1/uploads/${id}/events`);
  events.addEventListener("progress", (message) => {
    const progress = JSON.parse((message as MessageEvent<string>).data) as Progress;
    listener.encrypted({ bytes: progress.bytes, total: file.size });
    listener.confirmed({ done: progress.chunksConfirmed, total: progress.chunks });
  });
  try {
    return await send(file, `/v1/objects${isPublic ? "?public" : ""}`, id, { listener, signal });
  } finally {
    events.close();
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
  const refused = (code: string, text: string): void => resolve({ kind: "refused", refusal: { code, text } });
  const request = new XMLHttpRequest();
  request.open("POST", url);
  request.setRequestHeader("upload-id", id);
  request.setRequestHeader("content-type", "application/octet-stream");
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded }) => listener.sent({ bytes: loaded, total: file.size }));
  request.addEventListener("load", () => {
    const answer = request.response as (StoredAnswer & { code?: string; title?: string; detail?: string }) | null;
    if (request.status === 201 && answer !== null) resolve({ kind: "stored", object: answer });
    else refused(answer?.code ?? String(request.status), problemText(answer?.title, answer?.detail));
  });
  request.addEventListener("error", () =>
    refused("connection", "The connection to the gateway was lost. What the vaults have stays there: trying again sends the rest."),
  );
  request.addEventListener("abort", () => refused("cancelled", "Cancelled."));
  signal.addEventListener("abort", () => request.abort(), { once: true });
  request.send(file);
  return promise;
}

function problemText(title: string | undefined, detail: string | undefined): string {
  if (title === undefined) return "The gateway gave no reason.";
  return detail === undefined ? `${title}.` : `${title}: ${detail}.`;
}
