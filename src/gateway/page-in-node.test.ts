// Proves two things of the page that a browser does not do on command: what is said of a file that cannot be read, and
// that a page out of sight asks for nothing. The page's own modules, with the few objects of a browser that they use.
import { strict as assert } from "node:assert";
import { beforeEach, mock, test } from "node:test";

type Upload = (file: unknown, isPublic: boolean, listener: unknown, signal: AbortSignal) => Promise<{ refusal: { code: string } }>;
type Watch = (listener: { changed(): void; connection(state: string): void }) => void;

// By a name made here: these modules are written for a browser's types, not for Node's.
const page = async <T>(name: string): Promise<T> => (await import(new URL(`./web/${name}.ts`, import.meta.url).href)) as T;

/** Each fails as soon as it is opened. */
class Source extends EventTarget {
  static readonly CLOSED = 2;
  static opened = 0;
  readonly readyState = Source.CLOSED;
  constructor() {
    super();
    Source.opened += 1;
    setTimeout(() => this.dispatchEvent(new Event("error")), 1);
  }
  close(): void {}
}

class Sent extends EventTarget {
  readonly upload = new EventTarget();
  open(): void {}
  setRequestHeader(): void {}
  send(): void {
    queueMicrotask(() => this.dispatchEvent(new Event("error")));
  }
}

beforeEach(() => {
  Source.opened = 0;
  Object.assign(globalThis, { EventSource: Source, XMLHttpRequest: Sent });
});

test("a file that the browser cannot read is told from a connection that broke", async (context) => {
  const { upload } = await page<{ upload: Upload }>("upload");
  context.mock.method(globalThis, "fetch", async () => Response.json({ chunks: 3 }));
  const outcomeOf = async (arrayBuffer: () => Promise<unknown>): Promise<string> => {
    const file = { size: 4096, slice: () => ({ arrayBuffer }) };
    return (await upload(file, false, {}, new AbortController().signal)).refusal.code;
  };
  assert.equal(await outcomeOf(async () => new ArrayBuffer(1)), "connection");
  assert.equal(await outcomeOf(() => Promise.reject(new DOMException("a folder", "NotReadableError"))), "unreadable");
});

test("a page out of sight asks no gateway that is down, and does again when it is seen", async (context) => {
  const document = Object.assign(new EventTarget(), { hidden: false });
  Object.assign(globalThis, { document });
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const states: string[] = [];
  const { watchNetwork } = await page<{ watchNetwork: Watch }>("network-source");
  watchNetwork({ changed: () => {}, connection: (state) => states.push(state) });
  document.hidden = true;
  document.dispatchEvent(new Event("visibilitychange"));
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 100) mock.timers.tick(100);
  };
  pass(30_100);
  assert.equal(states.at(-1), "resting");
  const asked = Source.opened;
  pass(60_000);
  assert.equal(Source.opened, asked);
  document.hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(Source.opened, asked + 1);
});
