// Proves that a node which listens on all addresses of both families sends its heartbeats to peers of either: the real worker, to
// which this test says what a main thread would.
import { strict as assert } from "node:assert";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { startDetectorWorker } from "./detector-thread.ts";
import { createBoardMemory } from "./suspicion-board.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === "IPv6"));
const port = 0;

for (const [name, ip] of [
  ["udp4", "127.0.0.1"],
  ["udp6", "::1"],
] as const)
  test(`a node on :: sends to ${ip}`, { skip: !hasIpv6, timeout: 10_000 }, async (context) => {
    const socket = createSocket(name);
    context.after(() => socket.close());
    socket.bind(0, ip);
    await once(socket, "listening");
    const listening = Promise.withResolvers<void>();
    const start = { self: "selfself", profile: "lan", ip: "::", port, memory: createBoardMemory() } as const;
    const thread = startDetectorWorker(start, {
      onMessage: ({ type }) => void (type === "listening" && listening.resolve()),
      onError: listening.reject,
    });
    context.after(() => thread.stop());
    await listening.promise;
    const keys = { send: new Uint8Array(32), receive: new Uint8Array(32) };
    const numbers = { sendAs: 7, receiveAs: 8, intervalMs: 20, initiator: true };
    thread.post({ type: "open", terms: { subject: "otheroth", ip, port: socket.address().port, ...numbers, keys } });
    const arrived = await Promise.race([once(socket, "message"), new Promise((resolve) => setTimeout(() => resolve("nothing"), 3_000))]);
    assert.notEqual(arrived, "nothing");
  });
