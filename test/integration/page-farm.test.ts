// Proves the page in a real Chromium on a real farm of eight processes: a file dropped on it is stored with its progress
// told by stage and reads back identical, a node killed without warning shows as not live within 2 s and returns, and with
// three killed the file still downloads, through the other gateway too. One farm, in order, with pictures kept.
import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import type { NodeLine } from "../../src/cli/local-farm/farm-view.ts";
import { dropFile, keepScreenshot, noChromium, openTab, startChromium } from "../support/chromium.ts";
import { until } from "../support/deadline.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { noise } from "../support/objects.ts";

// What the functions given to the page find there: they run in the browser.
type Bar = { readonly value: number; getAttribute(name: string): string | null };
declare const document: { getElementById(id: string): object | null; querySelectorAll(selector: string): Iterable<Bar> };
declare const window: { seenProgress?: Record<string, number[]> };
declare class MutationObserver {
  constructor(changed: () => void);
  observe(target: object | null, options: Record<string, boolean>): void;
}

const options = noChromium === undefined ? {} : { skip: noChromium };
const content = noise(24 * 2 ** 20 + 11, 7);
const fileName = "holiday film.bin";
/** The promise: a killed node shows as such within this time. */
const shownWithinMs = 2_000;
let browser: Browser;
let farm: Farm;
let page: Page;
let errors: string[];

before(async () => {
  if (noChromium !== undefined) return;
  farm = await startFarm({ vaultsPerNode: 3, vaultCapacity: "64Mi", args: ["--no-restart"] });
  browser = await startChromium();
  ({ page, errors } = await openTab(browser, { viewport: { width: 1280, height: 900 }, acceptDownloads: true }));
});
after(async () => {
  await browser?.close();
  await farm?.remove();
});

const card = ({ peerId }: NodeLine): Locator => page.locator(`.node[data-peer="${peerId}"]`);

/** Waits until the page says so; where it does not, fails with what it shows of the nodes. */
async function seesLive(on: Page, words: string): Promise<void> {
  const seen = on.getByText(words, { exact: true }).waitFor();
  await seen.catch(async (cause) => assert.fail(`${cause}\n${await on.locator("#nodes-live").textContent()}: ${await statesOn(on)}`));
}

async function statesOn(on: Page): Promise<string> {
  const cards = await on.locator(".node").all();
  const states = await Promise.all(
    cards.map(async (one) => `${await one.getAttribute("data-peer")} ${await one.getAttribute("data-state")}`),
  );
  return states.join(", ");
}

/** Kills a node and waits until the page shows it as not live, for as long as is promised. */
async function killAndSee(node: NodeLine): Promise<void> {
  await card(node).and(page.locator("[data-state=live]")).waitFor();
  process.kill(node.pid ?? assert.fail("it does not run"), "SIGKILL");
  await card(node).and(page.locator(":not([data-state=live])")).waitFor({ timeout: shownWithinMs });
}

async function assertDownloads(from: Page): Promise<void> {
  const link = from.getByRole("link", { name: `Download ${fileName}` });
  const [download] = await Promise.all([from.waitForEvent("download"), link.click()]);
  assert.ok((await readFile(await download.path())).equals(content));
}

/** A line on which the file takes a second and a half: on a fast one the browser may tell of its end alone. */
async function slowUploads(): Promise<{ end(): Promise<void> }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const line = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 16 * 2 ** 20 };
  await session.send("Network.emulateNetworkConditions", line);
  return { end: () => session.detach() };
}

/** Collects what the bars of uploads say while they move. */
async function watchBars(): Promise<void> {
  await page.evaluate(() => {
    const seen: Record<string, number[]> = {};
    window.seenProgress = seen;
    const note = (): void => {
      for (const bar of document.querySelectorAll(".upload progress")) {
        const stage = bar.getAttribute("aria-label") ?? "";
        const values = seen[stage] ?? [];
        seen[stage] = values.at(-1) === bar.value ? values : [...values, bar.value];
      }
    };
    const all = { childList: true, subtree: true, attributes: true, characterData: true };
    new MutationObserver(note).observe(document.getElementById("uploads"), all);
  });
}

test("eight nodes are live on the page", options, async () => {
  await page.goto(farm.gateway(0));
  await page.locator("#connection[data-state=live]").waitFor();
  await seesLive(page, "8 of 8 live");
  assert.equal(await page.locator(".node[data-state=live]").count(), 8);
  assert.equal(await page.locator(".vault").count(), 24);
});

test("a dropped file is stored, each stage with its progress, and reads back identical", options, async () => {
  await watchBars();
  const slow = await slowUploads();
  await dropFile(page, fileName, content);
  await page.locator(".upload[data-state=good]").waitFor({ timeout: 60_000 });
  await slow.end();
  assert.match((await page.locator(".upload .outcome").textContent()) ?? "", /Stored in (4|5|4 to 5) copies, each on another node/);
  const seen = (await page.evaluate(() => window.seenProgress)) ?? {};
  assert.deepEqual(Object.keys(seen), ["Sent to the gateway", "Cut and encrypted", "Copies confirmed"]);
  for (const [stage, values] of Object.entries(seen)) {
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
      `${stage} went backwards`,
    );
    assert.ok(
      values.some((value) => value > 0 && value < 1),
      `${stage} was never under way: ${values.join(" ")}`,
    );
  }
  await page.getByRole("button", { name: `Verify ${fileName}` }).click();
  await page.getByText("identical to what was sent").waitFor({ timeout: 60_000 });
  await assertDownloads(page);
  await keepScreenshot(page, "farm-stored");
});

test("a killed node shows as not live within 2 s", options, async () => {
  await killAndSee(farm.view.nodes[3] ?? assert.fail());
  await page.getByText("7 of 8 live", { exact: true }).waitFor();
  await assertDownloads(page);
});

test("with three killed the file still reads back, and the page says so", options, async () => {
  for (const index of [0, 6]) await killAndSee(farm.view.nodes[index] ?? assert.fail());
  await page.getByText("5 of 8 live", { exact: true }).waitFor();
  await page.getByText("Every stored file can still be read").waitFor();
  await page.getByRole("button", { name: `Verify ${fileName}` }).click();
  await page.getByText("identical to what was sent").waitFor({ timeout: 60_000 });
  await assertDownloads(page);
  await keepScreenshot(page, "farm-three-killed");
});

test("the other gateway's page reads it by its address alone", options, async () => {
  const { address } = await page.evaluate(() => JSON.parse(localStorage.getItem("vaultfarm.files") ?? "[]")[0] as { address: string });
  const other = await openTab(browser, { acceptDownloads: true });
  await other.page.goto(farm.gateway(1));
  await seesLive(other.page, "5 of 8 live");
  await other.page.fill("#open-address", address);
  const [download] = await Promise.all([other.page.waitForEvent("download"), other.page.keyboard.press("Enter")]);
  assert.ok((await readFile(await download.path())).equals(content));
  assert.deepEqual(other.errors, []);
  await other.page.context().close();
  assert.deepEqual(errors, []);
});

test("started again, all nodes and the file are back without a reload; a node killed then returns on the page", options, async () => {
  await farm.stop();
  await page.locator("#connection[data-state=lost]").waitFor();
  farm = await startFarm({ vaultsPerNode: 3, vaultCapacity: "64Mi", folder: farm.folder });
  await page.locator("#connection[data-state=live]").waitFor();
  await page.getByText("8 of 8 live", { exact: true }).waitFor({ timeout: 60_000 });
  const victim = farm.view.nodes[5] ?? assert.fail();
  await killAndSee(victim);
  await card(victim).and(page.locator("[data-state=live]")).waitFor({ timeout: 60_000 });
  await until("the process is another one", async () =>
    (await farm.status()).nodes.some(({ peerId, pid }) => peerId === victim.peerId && pid !== null && pid !== victim.pid),
  );
  await assertDownloads(page);
});
