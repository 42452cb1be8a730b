// Runs in a pod of the tests: gets objects through a Service again and again, as several kinds of clients do at once, checks
// what comes back, and prints its totals once a second as a line of JSON. What each client does stands in the file that it is given.
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { Agent, request } = require("node:http");
const { setTimeout: sleep } = require("node:timers/promises");

/** For one object, milliseconds; a slow client takes a fraction of it. */
const patienceMs = 60_000;
const failuresShown = 10;
const clients = JSON.parse(readFileSync(process.argv[2], "utf8"));
const failures = [];

/** The body's hash, taken no faster than `bytesPerMs`. */
async function takeBody(answer, bytesPerMs) {
  const hash = createHash("sha256");
  const beganMs = performance.now();
  let bytes = 0;
  for await (const piece of answer) {
    hash.update(piece);
    bytes += piece.length;
    const aheadMs = bytesPerMs === undefined ? 0 : bytes / bytesPerMs - (performance.now() - beganMs);
    if (aheadMs >= 1) await sleep(aheadMs);
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** One get. What is thrown says by `isStale` that a kept connection had ended before anything was answered on it. */
async function get({ url, sha256, bytesPerMs }, agent, totals) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const asked = request(url, { agent, signal: AbortSignal.timeout(patienceMs) }, resolve);
  asked.on("error", (error) => reject(Object.assign(error, { isStale: asked.reusedSocket && error.code !== "ABORT_ERR" })));
  asked.end();
  const answer = await promise;
  if (!asked.reusedSocket) totals.connections += 1;
  const body = await takeBody(answer, bytesPerMs);
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
  if (body.sha256 !== sha256) throw new Error(`${body.bytes} other bytes`);
}

/** As browsers, curl and Go do: a get that finds its kept connection ended is asked again over another. */
async function getPatiently(client, agent, totals) {
  try {
    await get(client, agent, totals);
  } catch (error) {
    if (error.isStale !== true) throw error;
    totals.retried += 1;
    await get(client, agent, totals);
  }
}

async function readOn(client, totals) {
  const agent = client.keeps ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
  for (;;) {
    try {
      await getPatiently(client, agent, totals);
      totals.reads += 1;
    } catch (error) {
      totals.failed += 1;
      const text = `${new Date().toISOString()} ${client.name}: ${error.code ?? ""} ${error.message}`;
      if (failures.length < failuresShown) failures.push(text);
    }
    await sleep(client.pauseMs);
  }
}

const all = Object.fromEntries(clients.map(({ name }) => [name, { reads: 0, connections: 0, retried: 0, failed: 0 }]));
for (const client of clients) void readOn(client, all[client.name]);
setInterval(() => process.stdout.write(`${JSON.stringify({ clients: all, failures })}\n`), 1000);
