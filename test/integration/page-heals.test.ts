// Proves that a person who kills a node sees the farm heal, in a real Chromium on a real farm with a short repair delay: the
// page and the command line say how many chunks lack a copy and when they are copied again, who suspects the node, and in
// the end that the farm is whole; the file reads back. One farm, in order, with pictures kept.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { NetworkView } from "../../src/client/farm-client.ts";
import { keepScreenshot, noChromium, openTab, startChromium } from "../support/chromium.ts";
import { until } from "../support/deadline.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { assertReads, noise, type Stored, store } from "../support/objects.ts";

const options = noChromium === undefined ? {} : { skip: noChromium };
const content = noise(24 * 2 ** 20 + 11, 7);
/** Chunks are counted within 20 s after they were stored, and published within 10 more; a busy machine takes longer. */
const countedWithinMs = 120_000;
/** Nobody confirms a loss in its own first two minutes; then the delay, and copying. */
const healedWithinMs = 300_000;
let browser: Browser;
let farm: Farm;
let page: Page;
let errors: string[];
let stored: Stored;

before(async () => {
  if (noChromium !== undefined) return;
  farm = await startFarm({ spec: "  repair: {delaySeconds: 40}", args: ["--no-restart"] });
  browser = await startChromium();
  ({ page, errors } = await openTab(browser, { viewport: { width: 1280, height: 1000 } }));
});
after(async () => {
  await browser?.close();
  await farm?.remove();
});

async function copies(): Promise<NetworkView["copies"]> {
  const answer = await fetch(`${farm.gateway(0)}/v1/network`);
  return ((await answer.json()) as NetworkView).copies;
}

/** Waits until every chunk has its five copies and all live nodes have counted theirs. */
async function whole(withinMs: number): Promise<NetworkView["copies"]> {
  const counted = await until(
    "the farm is whole",
    async () => {
      const { histogram, reporting, belowTarget, repair, ...rest } = await copies();
      const all = belowTarget === 0 && (histogram[5] ?? 0) >= stored.chunks && reporting.nodes === reporting.of && repair.chunks === 0;
      return all ? { histogram, reporting, belowTarget, repair, ...rest } : undefined;
    },
    withinMs,
  );
  return counted;
}

test("what was stored is counted once each by the nodes, and shown by any gateway", options, async () => {
  stored = await store(farm.gateway(1), content);
  await page.goto(farm.gateway(0));
  await page.locator("#connection[data-state=live]").waitFor();
  const { histogram, lowest, repair } = await whole(countedWithinMs);
  // The sealed map of chunks may itself be cut: what it adds is more than nothing and less than the file.
  const all = histogram.reduce((sum, chunks) => sum + chunks, 0);
  assert.ok(all >= stored.chunks && all < 2 * stored.chunks, `${all} counted, ${stored.chunks} stored`);
  assert.deepEqual([lowest, repair.waiting, histogram.slice(0, 5)], [5, 0, [0, 0, 0, 0, 0]]);
  await page.getByText("at least 5", { exact: true }).waitFor();
  await page.locator("#copies-histogram li", { hasText: `${histogram[5]} chunks with 5 or more live copies` }).waitFor();
  assert.equal(await page.locator("#healing").isVisible(), false);
  await keepScreenshot(page, "heal-1-whole");
});

test(
  "a killed node: what lacks a copy is counted, with the time until it is copied again, and who suspects the node",
  options,
  async () => {
    const { nodes } = await farm.status();
    const victim = nodes.find(({ vaults }) => vaults.some(({ chunks }) => chunks >= 3)) ?? assert.fail("no node has chunks");
    process.kill(victim.pid ?? assert.fail("it does not run"), "SIGKILL");
    const healing = page.locator("#healing-text");
    await healing.filter({ hasText: /will be copied again in \d+ s unless the silent node returns/ }).waitFor();
    await page.getByText("at least 4", { exact: true }).waitFor();
    await page.locator(`.node[data-peer="${victim.peerId}"] .node-doubt`, { hasText: /suspected by [2-7] nodes/ }).waitFor();
    const status = await farm.run("status");
    assert.match(status.out, /below target/, status.out);
    assert.match(status.out, /suspected by \d nodes?/, status.out);
    await keepScreenshot(page, "heal-2-waiting");
  },
);

test("the farm heals before the eyes of whoever watches, and the file reads back", options, async () => {
  const { lowest, belowTarget } = await whole(healedWithinMs);
  assert.deepEqual([lowest, belowTarget], [5, 0]);
  await page.locator(".log li", { hasText: "Whole again: every chunk has 5 live copies" }).waitFor();
  await page.locator("#healing").waitFor({ state: "hidden" });
  await page.getByText("7 of 8 live", { exact: true }).waitFor();
  await assertReads(farm.gateway(1), stored.address, content);
  await keepScreenshot(page, "heal-3-whole-again");
  assert.match((await farm.run("status")).out, /every chunk has 5 live copies/);
  assert.deepEqual(errors, []);
});
