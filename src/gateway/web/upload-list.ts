// The uploads of this page, one at a time: three bars each (sent, encrypted, copies confirmed), and what became of it.
import { announce, button, byId, element, setText } from "./element.ts";
import { addToShelf } from "./file-shelf.ts";
import { createFingerprint } from "./fingerprint.ts";
import { bytesText, shareText } from "./quantity.ts";
import { type UploadListener, upload } from "./upload.ts";

export type UploadList = { add(files: readonly File[], isPublic: boolean): void };

type Bar = { readonly root: HTMLElement; set(share: number, text: string): void };
type Row = {
  readonly root: HTMLLIElement;
  readonly listener: UploadListener;
  readonly abort: AbortController;
  settle(text: string, level: "good" | "bad", again?: () => void): void;
};

/** Uploads what is added, in order; `stored` is called after each success. */
export function createUploadList(stored: () => void): UploadList {
  const list = byId("uploads", HTMLUListElement);
  let last: Promise<void> = Promise.resolve();
  const add = (file: File, isPublic: boolean): void => {
    const row = createRow(file);
    list.prepend(row.root);
    last = last.then(() => run(file, isPublic, row));
  };
  const run = async (file: File, isPublic: boolean, row: Row): Promise<void> => {
    if (row.abort.signal.aborted) return;
    const again = (): void => {
      row.root.remove();
      add(file, isPublic);
    };
    if (file.size === 0) return row.settle("An empty file holds nothing to store.", "bad");
    const fingerprint = fingerprintFile(file, row.abort.signal);
    const outcome = await upload(file, isPublic, row.listener, row.abort.signal);
    if (outcome.kind === "refused") {
      row.abort.abort();
      await fingerprint;
      announce(`${file.name} was not stored. ${outcome.refusal.text}`);
      return row.settle(outcome.refusal.text, "bad", again);
    }
    const { address, bytes, copies } = outcome.object;
    const digest = await fingerprint;
    const kept = addToShelf({
      name: file.name,
      bytes,
      storedAt: Date.now(),
      address,
      copies: copies.min,
      ...(digest === undefined ? {} : { fingerprint: digest }),
    });
    announce(`${file.name} is stored in ${copies.min} copies.`);
    stored();
    if (kept)
      return row.settle(
        `Stored in ${copies.min === copies.max ? copies.min : `${copies.min} to ${copies.max}`} copies, each on another node.`,
        "good",
      );
    row.settle(`Stored, but this browser keeps no list. Keep the address yourself: ${address}`, "bad");
  };
  return {
    add: (files, isPublic) => {
      for (const file of files) add(file, isPublic);
    },
  };
}

/** Undefined where hashing is not to be had, or the upload ended first. */
async function fingerprintFile(file: File, signal: AbortSignal): Promise<string | undefined> {
  const fingerprint = createFingerprint();
  if (fingerprint === undefined) return undefined;
  const pieceSize = 4 * 1024 * 1024;
  try {
    for (let start = 0; start < file.size; start += pieceSize) {
      if (signal.aborted) return undefined;
      await fingerprint.add(new Uint8Array(await file.slice(start, start + pieceSize).arrayBuffer()));
    }
    return await fingerprint.finish();
  } catch {
    // The file changed or went away while it was read; the upload itself will say so.
    return undefined;
  }
}

function createRow(file: File): Row {
  const abort = new AbortController();
  const sent = createBar("Sent to the gateway");
  const encrypted = createBar("Cut and encrypted");
  const confirmed = createBar("Copies confirmed");
  const bars = element("div", { class: "bars" }, sent.root, encrypted.root, confirmed.root);
  const outcome = element("p", { class: "outcome" });
  const actions = element(
    "div",
    { class: "actions" },
    button("Cancel", () => abort.abort(), { "aria-label": `Cancel ${file.name}` }),
  );
  const head = element(
    "div",
    { class: "file-head" },
    element("strong", { class: "file-name" }, file.name),
    element("span", { class: "quiet" }, bytesText(file.size)),
  );
  const root = element("li", { class: "upload", "data-state": "running" }, head, bars, outcome, actions);
  abort.signal.addEventListener("abort", () => {
    if (root.dataset["state"] === "running") settle("Cancelled.", "bad");
  });
  function settle(text: string, level: "good" | "bad", again?: () => void): void {
    root.dataset["state"] = level;
    bars.hidden = true;
    setText(outcome, text);
    const dismiss = button("Dismiss", () => root.remove(), { "aria-label": `Dismiss ${file.name}` });
    actions.replaceChildren(...(again === undefined ? [] : [button("Try again", again)]), dismiss);
  }
  const share = ({ bytes, total }: { bytes: number; total: number }): number => (total === 0 ? 0 : Math.min(1, bytes / total));
  const listener: UploadListener = {
    sent: (step) => sent.set(share(step), shareText(share(step))),
    encrypted: (step) => encrypted.set(share(step), shareText(share(step))),
    confirmed: ({ done, total }) => confirmed.set(total === 0 ? 0 : done / total, `${done} of ${total} chunks`),
  };
  return { root, listener, abort, settle };
}

function createBar(label: string): Bar {
  const words = element("span", { class: "bar-words quiet" }, "–");
  const progress = element("progress", { max: "1", value: "0", "aria-label": label });
  const root = element("div", { class: "step" }, element("span", { class: "bar-label" }, label), words, progress);
  return {
    root,
    set: (value, text) => {
      progress.value = value;
      setText(words, text);
    },
  };
}
