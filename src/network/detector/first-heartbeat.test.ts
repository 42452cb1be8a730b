// Proves that two peers which agreed on new keys hear each other although the asker's first datagram under them was lost, and the
// other still has keys from before that the asker does not.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Beat, isAuthentic, openBeat } from "../../protocol/heartbeat.ts";
import { seededRandom } from "../../runtime/random.ts";
import { profileOf } from "./profiles.ts";
import { createPulse, type Pulse } from "./pulse.ts";
import type { SessionTerms } from "./session.ts";

const random = seededRandom(1);
const profile = profileOf("lan");

type Keys = { readonly asker: Uint8Array; readonly other: Uint8Array };
const fresh = (): Keys => ({ asker: random.bytes(32), other: random.bytes(32) });

test("keys that replace others come into use although the first datagram under them was lost", () => {
  let nowMs = 1_000;
  let lost = 0;
  const arrived: Buffer[] = [];
  const [before, now] = [fresh(), fresh()];
  const ends: { asker: Pulse; other: Pulse } = { asker: makeAsker(), other: makeOther() };
  function makeAsker(): Pulse {
    const send = (bytes: Uint8Array): void => {
      lost += 1;
      if (lost > 1) ends.other.datagram(Buffer.from(bytes));
    };
    return createPulse({ self: "askerask", profile, board: { write: () => {} }, nowMs: () => nowMs, send, onEvent: () => {} });
  }
  function makeOther(): Pulse {
    const send = (bytes: Uint8Array): void => void arrived.push(Buffer.from(bytes));
    return createPulse({ self: "otheroth", profile, board: { write: () => {} }, nowMs: () => nowMs, send, onEvent: () => {} });
  }
  const terms = (keys: Keys, numbers: Pick<SessionTerms, "sendAs" | "receiveAs">): SessionTerms => ({
    ...{ subject: "askerask", ip: "", port: 1, intervalMs: profile.intervalMs, initiator: false, ...numbers },
    keys: { send: keys.other, receive: keys.asker },
  });
  // The asker is the other's watcher, which is nobody's: a gateway that began anew, say.
  ends.other.setNodes({
    added: [
      { subject: "otheroth", slot: 0 },
      { subject: "askerask", slot: 1 },
    ],
    removed: [],
  });
  ends.other.openSession(terms(before, { sendAs: 1, receiveAs: 2 }));
  ends.other.openSession(terms(now, { sendAs: 3, receiveAs: 4 }));
  ends.asker.openSession({
    ...{ subject: "otheroth", ip: "", port: 1, intervalMs: profile.intervalMs, initiator: true, sendAs: 4, receiveAs: 3 },
    keys: { send: now.asker, receive: now.other },
  });
  for (; nowMs < 4_000; nowMs += 5) for (const pulse of [ends.asker, ends.other]) if (pulse.nextWakeMs() <= nowMs) pulse.wake(nowMs);
  const last = arrived.at(-1);
  assert.ok(last !== undefined && isAuthentic(last, now.other), "sealed under keys that the asker has");
  const beat: Beat = openBeat(last);
  assert.equal(beat.session, 3);
});
