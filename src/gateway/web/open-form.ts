// Reading any object by its address, put from wherever.
import { byId, element, setText } from "./element.ts";

/** Makes the form download what lies at the address in it. */
export function watchOpenForm(): void {
  const hint = byId("open-hint", HTMLElement);
  const input = byId("open-address", HTMLInputElement);
  byId("open-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void open(input, hint);
  });
}

async function open(input: HTMLInputElement, hint: HTMLElement): Promise<void> {
  const address = input.value
    .trim()
    .toLowerCase()
    .replace(/^.*\/v1\/objects\//, "");
  const isAddress = /^(?:[0-9a-f]{64}){1,2}$/.test(address);
  input.setAttribute("aria-invalid", String(!isAddress));
  if (!isAddress) return setText(hint, "An address has 128 digits, or 64 for public objects: 0 to 9 and a to f.");
  setText(hint, "Looking…");
  const found = await look(address);
  setText(hint, found);
  if (found !== "") return;
  const link = element("a", { href: `/v1/objects/${address}`, download: `${address.slice(0, 12)}.bin` });
  link.click();
  setText(hint, "The download has begun.");
}

/** Why an object cannot be read; empty where it can. */
async function look(address: string): Promise<string> {
  try {
    const answer = await fetch(`/v1/objects/${address}`, { headers: { range: "bytes=0-0" }, cache: "no-store" });
    if (answer.ok) return "";
    const problem = (await answer.json()) as { title?: string; detail?: string };
    return `${problem.title ?? "Not readable"}: ${problem.detail ?? answer.status}.`;
  } catch {
    return "The gateway does not answer.";
  }
}
