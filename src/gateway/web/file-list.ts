// The files put from this browser: download, verify (every byte read back and compared), copy the address, forget.
import { announce, button, byId, element, setText } from "./element.ts";
import { readShelf, removeFromShelf, type ShelvedFile } from "./file-shelf.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { bytesText, dateText, shareText } from "./quantity.ts";

/** Shows the list as it is now. */
export function showFiles(): void {
  const files = readShelf();
  byId("files-empty", HTMLElement).hidden = files.length > 0;
  byId("files", HTMLUListElement).replaceChildren(...files.map(fileRow));
}

function fileRow(file: ShelvedFile): HTMLLIElement {
  const outcome = element("p", { class: "outcome", role: "status" });
  const isPublic = file.address.length === 64;
  const facts = `${bytesText(file.bytes)} · ${dateText(file.storedAt)} · ${file.copies} or more copies${isPublic ? " · public" : ""}`;
  const head = element(
    "div",
    { class: "file-head" },
    element("strong", { class: "file-name" }, file.name),
    element("span", { class: "quiet small" }, facts),
  );
  const shown = element(
    "code",
    { class: "address", title: "The address: it is the key" },
    `${file.address.slice(0, 16)}…${file.address.slice(-8)}`,
  );
  const root = element("li", { class: "file" }, head, shown);
  const download = element(
    "a",
    { class: "button small", href: `/v1/objects/${file.address}`, download: file.name, "aria-label": `Download ${file.name}` },
    "Download",
  );
  const check = button("Verify", () => void verify(file, outcome, check), {
    "aria-label": `Verify ${file.name}: read every byte back and compare`,
  });
  const copy = button("Copy address", () => void copyAddress(file, outcome), { "aria-label": `Copy the address of ${file.name}` });
  root.append(element("div", { class: "actions" }, download, check, copy, forgetButton(file)), outcome);
  return root;
}

async function verify(file: ShelvedFile, outcome: HTMLElement, check: HTMLButtonElement): Promise<void> {
  check.disabled = true;
  outcome.dataset["level"] = "";
  setText(outcome, "Reading back…");
  const { good, text } = await readBack(file, (bytes) => setText(outcome, `Reading back… ${shareText(bytes / file.bytes)}`));
  outcome.dataset["level"] = good ? "good" : "bad";
  setText(outcome, text);
  check.disabled = false;
}

async function readBack(file: ShelvedFile, onBytes: (bytes: number) => void): Promise<{ readonly good: boolean; readonly text: string }> {
  try {
    // Past the browser's own cache: the point is to ask the vaults.
    const answer = await fetch(`/v1/objects/${file.address}`, { cache: "no-store" });
    if (!answer.ok || answer.body === null) {
      const problem = (await answer.json()) as { title?: string; detail?: string };
      return { good: false, text: `Not readable now: ${problem.detail ?? problem.title ?? answer.status}.` };
    }
    const { bytes, digest } = await fingerprintOf(answer.body, onBytes);
    if (bytes !== file.bytes || (file.fingerprint !== undefined && digest !== file.fingerprint))
      return { good: false, text: `Different: ${bytesText(bytes)} came back that are not what was sent.` };
    const compared = file.fingerprint === undefined || digest === undefined ? "the size is right" : "identical to what was sent";
    return { good: true, text: `✓ Read back: ${bytesText(bytes)}, ${compared}.` };
  } catch {
    return { good: false, text: "The connection broke while reading back. Try again." };
  }
}

async function copyAddress(file: ShelvedFile, outcome: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(file.address);
    setText(outcome, "Address copied. Keep it as you would a password.");
  } catch {
    // Browsers copy only for pages they trust; then the person copies by hand.
    outcome.replaceChildren(element("code", { class: "whole-address" }, file.address));
  }
}

/** Asks once more by itself: with the address the file is out of reach for good. */
function forgetButton(file: ShelvedFile): HTMLButtonElement {
  const label = `Forget ${file.name}`;
  const forget = button(
    "Forget",
    () => {
      if (forget.dataset["asked"] === "yes") {
        removeFromShelf(file.address);
        announce(`${file.name} is off the list`);
        showFiles();
        byId("files-title", HTMLElement).focus();
        return;
      }
      forget.dataset["asked"] = "yes";
      setText(forget, "Forget the address?");
      forget.setAttribute("aria-label", `${label}: press again. Without its address nobody can read it.`);
    },
    { class: "button small quiet-button", "aria-label": label },
  );
  forget.addEventListener("blur", () => {
    delete forget.dataset["asked"];
    setText(forget, "Forget");
    forget.setAttribute("aria-label", label);
  });
  return forget;
}
