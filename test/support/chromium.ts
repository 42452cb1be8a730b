// A real Chromium for tests of the page: headless, with a fresh profile, speaking to nobody but the page under test.
import { existsSync, mkdirSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

// What the functions given to the page find there: they run in the browser.
declare class DataTransfer {
  readonly items: { add(file: File): void };
}

/** Where Debian, Ubuntu and Alpine put it, and where VAULTFARM_CHROMIUM says it is. */
const places = [process.env["VAULTFARM_CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = places.find((path) => path !== undefined && existsSync(path));

/** Why the tests with a browser cannot run here; undefined where they can. */
export const noChromium: string | undefined =
  executablePath === undefined ? "no Chromium here: apt-get install chromium, or set VAULTFARM_CHROMIUM" : undefined;

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the browser; close it when done. */
export async function startChromium(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(noChromium);
  return chromium.launch({ executablePath, args: flags, headless: true });
}

/** A tab in a context of its own, whose errors and refused resources are collected. */
export async function openTab(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly errors: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return { page, errors };
}

/** Keeps a picture of the page for people to look at. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = new URL("../artefacts/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: new URL(`${name}.png`, folder).pathname, fullPage: true });
}

/** Drops a file on the page as a person does: the browser hands over a real File. */
export async function dropFile(page: Page, name: string, content: Buffer): Promise<void> {
  const transfer = await page.evaluateHandle(
    ({ fileName, base64 }) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], fileName));
      return data;
    },
    { fileName: name, base64: content.toString("base64") },
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  await page.locator("#drop[data-over=true]").waitFor();
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}
