// Proves the page in a real Chromium against the gateway's own HTTP server over a farm in memory: storing with progress,
// reading back, a node that goes and returns, by mouse, by keyboard, on a phone, in the dark; with pictures kept.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { type AppFixture, createAppFixture } from "../../src/gateway/app-fixture.ts";
import { dropFile, keepScreenshot, noChromium, openTab, startChromium } from "../support/chromium.ts";

// What the functions given to the page find there: they run in the browser.
declare const document: {
  readonly activeElement: { readonly id: string; readonly textContent: string | null } | null;
  readonly documentElement: { readonly scrollWidth: number };
};

const options = noChromium === undefined ? {} : { skip: noChromium };
let browser: Browser;
let app: AppFixture;
let url: string;

before(async () => {
  if (noChromium !== undefined) return;
  browser = await startChromium();
  app = await createAppFixture();
  await app.http.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(app.http.server.address() as AddressInfo).port}`;
});

after(async () => {
  await browser?.close();
  app?.beginStop();
  await app?.http.close();
});

async function isLive(page: Page): Promise<void> {
  await page.goto(url);
  await page.locator("#connection[data-state=live]").waitFor();
}

test("a file is dropped, its progress shown, read back identical, and kept in the list", options, async () => {
  const { page, errors } = await openTab(browser, { viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  await isLive(page);
  await page.locator(".node").nth(7).waitFor();
  await keepScreenshot(page, "page-empty");
  const content = randomBytes(9 * 1024 * 1024);
  await dropFile(page, "holiday film.bin", content);
  await page.locator(".upload[data-state=good]").waitFor();
  assert.match((await page.locator(".upload .outcome").textContent()) ?? "", /Stored in 5 copies/);
  await page.getByRole("button", { name: /^Verify holiday film/ }).click();
  await page.getByText("identical to what was sent").waitFor();
  await keepScreenshot(page, "page-stored");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /^Download holiday film/ }).click()]);
  assert.equal(download.suggestedFilename(), "holiday film.bin");
  assert.ok((await readFile(await download.path())).equals(content));
  await page.reload();
  await page.locator(".file-name", { hasText: "holiday film.bin" }).waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a node that goes shows as gone by colour, shape and word, is announced, and returns", options, async () => {
  const { page, errors } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
  await isLive(page);
  const peerId = app.farm.network().nodes[2]?.peerId ?? "";
  const node = page.locator(`.node[data-peer="${peerId}"]`);
  await node.and(page.locator("[data-state=live]")).waitFor();
  app.farm.setState(2, "gone");
  await node.and(page.locator("[data-state=gone]")).waitFor({ timeout: 5000 });
  assert.equal(await node.locator(".node-state").textContent(), "gone");
  assert.match((await page.locator("#nodes-live").textContent()) ?? "", /7 of 8 live/);
  await page.locator("#announce", { hasText: "is gone" }).waitFor({ state: "attached" });
  app.farm.setState(4, "away");
  app.farm.setState(5, "suspected");
  app.farm.setState(6, "gone");
  await page.locator(".node[data-state=suspected]").waitFor();
  await page.locator(".notice[data-level=warn]").first().waitFor();
  await keepScreenshot(page, "page-node-gone");
  for (const index of [2, 4, 5, 6]) app.farm.setState(index, "live");
  await node.and(page.locator("[data-state=live]")).waitFor({ timeout: 5000 });
  await page.locator(".log li", { hasText: "is back" }).first().waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("healing, what waits for a silent node, suspicions and standings are shown in words", options, async () => {
  const { page, errors } = await openTab(browser, { viewport: { width: 1280, height: 1000 } });
  await isLive(page);
  const { nodes } = app.farm.network();
  const policy = { min: 4, target: 5, max: 8 };
  const rest = { chunks: 0, bytesLeft: 0, etaMs: 0, waiting: 0, dueAtMs: null };
  const missing = { policy, lowest: 4, belowMin: 0, belowTarget: 140, histogram: [0, 0, 0, 0, 140, 900] };
  const text = page.locator("#healing-text");
  app.farm.setDoubts(
    3,
    [nodes[1]?.peerId ?? assert.fail(), nodes[2]?.peerId ?? assert.fail()],
    { score: 0.21, conduct: 0.4, standing: "distrusted", age: 3 },
    { byNodes: 2, counts: { late: 1, "wrong-bytes": 3 } },
  );
  const card = page.locator(`.node[data-peer="${nodes[3]?.peerId}"]`);
  await card.getByText("suspected by 2 nodes").waitFor();
  await card.getByText("score 0.21 (distrusted) · age 3").waitFor();
  await card.getByText("faults: 3 wrong-bytes, 1 late (counted by 2 nodes)").waitFor();
  await card.locator(".vault[data-standing=bad]").first().waitFor();
  app.farm.setCopies({ ...missing, repair: { ...rest, waiting: 140, dueAtMs: Date.now() + 290_000 } });
  await text
    .filter({ hasText: /^140 chunks have fewer than the intended 5 live copies and will be copied again in 4 min (50|[1-4]\d) s/ })
    .waitFor();
  await page.locator("#copies-histogram li[data-level=warn]", { hasText: "140 chunks with 4 live copies" }).waitFor();
  app.farm.setCopies({ ...missing, repair: { ...rest, chunks: 128, bytesLeft: 328 * 2 ** 20, etaMs: 49_400, waiting: 12 } });
  await text.filter({ hasText: /^Healing: 128 chunks, 328 MiB, about (50|[1-4]\d) s left\. 12 chunks have fewer/ }).waitFor();
  await keepScreenshot(page, "page-healing");
  app.farm.setCopies({
    ...missing,
    lowest: 5,
    belowTarget: 0,
    histogram: [0, 0, 0, 0, 0, 1040],
    reporting: { nodes: 7, of: 8 },
    repair: rest,
  });
  await page.locator("#healing").waitFor({ state: "hidden" });
  await page.locator(".log li", { hasText: "Whole again: every chunk has 5 live copies" }).waitFor();
  await page.getByText("counted by 7 of 8 nodes so far").waitFor();
  app.farm.setCopies({});
  app.farm.setDoubts(3, [], { score: 0.97, conduct: 1, standing: "good", age: 4 });
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("who is confirmed is said in words, also to a screen reader: whole, partitioned, weak", options, async () => {
  const { page, errors } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
  await isLive(page);
  const members = page.locator("#members");
  await members.getByText("8 of 8 confirmed nodes reachable").waitFor();
  for (const index of [3, 4, 5, 6]) app.farm.setState(index, "suspected");
  await members.getByText("partitioned (4 of 8 reachable, 5 needed)").waitFor();
  await page
    .locator("#warnings[aria-live=polite] .notice", { hasText: "Only 4 of 8 confirmed nodes are reachable, 5 are needed" })
    .waitFor();
  await page
    .locator("#announce[role=status]", { hasText: "The farm is partitioned (4 of 8 reachable, 5 needed)" })
    .waitFor({ state: "attached" });
  await keepScreenshot(page, "page-partitioned");
  const tree = await page.locator("section.figures").ariaSnapshot();
  assert.match(tree, /partitioned \(4 of 8 reachable, 5 needed\)/);
  for (const index of [3, 4, 5, 6]) app.farm.setState(index, "live");
  await page.locator(".log li", { hasText: "No longer partitioned: 8 of 8 confirmed nodes reachable" }).waitFor();
  app.farm.setConfirmed(3);
  await members.getByText("3 of 3 confirmed nodes reachable").waitFor();
  await page.locator("#warnings .notice", { hasText: "Only 3 nodes are confirmed: the farm tolerates no lying or lost holder" }).waitFor();
  app.farm.setConfirmed(undefined);
  await members.getByText("no membership certificate yet").waitFor();
  app.farm.setConfirmed(8);
  await members.getByText("8 of 8 confirmed nodes reachable").waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("everything can be done with the keyboard", options, async () => {
  const { page } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
  await isLive(page);
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to storing files");
  const names: string[] = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    names.push(await focused(page));
  }
  for (const name of ["file-input", "public", "open-address", "Download", "API"])
    assert.ok(names.includes(name), `${name} in ${names.join(", ")}`);
  // Asked for before the focus: the browser must know that choosers are wanted when the key arrives.
  const choosing = page.waitForEvent("filechooser");
  await page.focus("#file-input");
  assert.equal(await focused(page), "file-input");
  await page.keyboard.press("Enter");
  const chooser = await choosing;
  await chooser.setFiles({ name: "by keyboard.txt", mimeType: "text/plain", buffer: Buffer.from("typed") });
  await page.locator(".upload[data-state=good]").waitFor();
  await page.getByRole("button", { name: /^Forget by keyboard/ }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.locator("#files-empty").waitFor();
  await page.focus("#open-address");
  await page.keyboard.type("not an address");
  await page.keyboard.press("Enter");
  await page.getByText("An address has 128 digits").waitFor();
  await page.context().close();
});

async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.id || element?.textContent?.trim() || "";
  });
}

test("on a phone, in the dark: nothing is cut off sideways", options, async () => {
  const viewport = { width: 360, height: 740 };
  const { page, errors } = await openTab(browser, { viewport, colorScheme: "dark", isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
  await isLive(page);
  await page.locator(".node").nth(7).waitFor();
  await page.setInputFiles("#file-input", {
    name: "a rather long name of a picture taken somewhere.jpeg",
    mimeType: "image/jpeg",
    buffer: randomBytes(50_000),
  });
  await page.locator(".file").waitFor();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= viewport.width, `the page is ${width} wide`);
  await keepScreenshot(page, "page-phone-dark");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a lost gateway is said, and found again", options, async () => {
  const own = await createAppFixture();
  await own.http.listen({ host: "127.0.0.1", port: 0 });
  const port = (own.http.server.address() as AddressInfo).port;
  const { page } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(`http://127.0.0.1:${port}`);
  await page.locator("#connection[data-state=live]").waitFor();
  own.beginStop();
  await own.http.close();
  await page.locator("#connection[data-state=lost]").waitFor();
  await keepScreenshot(page, "page-lost");
  const again = await createAppFixture();
  await again.http.listen({ host: "127.0.0.1", port });
  await page.locator("#connection[data-state=live]").waitFor();
  await page.context().close();
  again.beginStop();
  await again.http.close();
});

test("the API's own page shows every resource under its strict policy", options, async () => {
  const { page, errors } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(`${url}/docs/`);
  await page.locator(".opblock").first().waitFor();
  for (const path of ["/v1/objects", "/v1/chunks", "/v1/network", "/v1/events"])
    await page.locator(".opblock-summary-path", { hasText: path }).first().waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});
