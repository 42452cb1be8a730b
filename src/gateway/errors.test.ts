// Proves what an asker is told of what went wrong: the status that fits, when trying again makes sense, and never a word of what only the log may
// have. Method: tables over all codes of the client library and the kinds of errors that the framework throws.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { ClientError, type ClientErrorCode, type PutRefusal } from "../client/errors.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { GatewayError, problemCodes, problemDocument, toGatewayError } from "./errors.ts";

const peer = "12D3KooWa" as PeerId;

test("each failure of the client has its status and code, and its own words", () => {
  const expected: Readonly<Record<ClientErrorCode, readonly [number, string, string?]>> = {
    "insufficient-copies": [503, "insufficient-copies", "5"],
    "not-found": [404, "not-found"],
    damaged: [502, "damaged"],
    "key-needed": [403, "key-needed"],
    "wrong-key": [403, "wrong-key"],
    empty: [400, "empty"],
    "too-large": [413, "too-large"],
    "wrong-size": [400, "wrong-size"],
    "spool-full": [507, "spool-full"],
    "wrong-hash": [422, "wrong-hash"],
    "bad-range": [416, "bad-range"],
    "not-ready": [503, "not-ready", "5"],
    busy: [503, "busy", "2"],
    "too-slow": [408, "slow-upload"],
    aborted: [499, "aborted"],
    stopped: [503, "stopping", "5"],
  };
  for (const [code, [status, problem, retryAfter]] of Object.entries(expected) as [ClientErrorCode, readonly [number, string, string?]][]) {
    const error = toGatewayError(new ClientError(code, "what happened"));
    const document = problemDocument(error);
    assert.deepEqual([document.status, document.code, document.detail], [status, problem, "what happened"], code);
    assert.equal(error.headers["retry-after"], retryAfter, code);
  }
});

test("a put that all refuse for want of room says that the farm is full; one other reason, and it may pass", () => {
  const codeOf = (...reasons: readonly PutRefusal["reason"][]): string => {
    const refusals = reasons.map((reason): PutRefusal => ({ peer, reason }));
    return toGatewayError(new ClientError("insufficient-copies", "insufficient copies (1 of 4)", { refusals })).code;
  };
  for (const full of [["full"], ["read-only", "full"], ["full", "full", "full"]] as const)
    assert.equal(codeOf(...full), "farm-full", full.join());
  for (const other of ["busy", "timeout", "unreachable", "not-admitted", "cordoned", "bad-receipt"] as const) {
    assert.equal(codeOf(other), "insufficient-copies");
    assert.equal(codeOf("full", other, "full"), "insufficient-copies", other);
  }
  assert.equal(codeOf(), "insufficient-copies", "where nobody was even asked");
});

test("what the framework refuses keeps its kind, and what nobody foresaw is the gateway's own failure", () => {
  const thrown = (statusCode: unknown): Error => Object.assign(new Error("/v1/objects/secret"), { statusCode });
  for (const [statusCode, code, status] of [
    [413, "too-large", 413],
    [415, "unsupported-body", 415],
    [404, "no-such-page", 404],
    [503, "stopping", 503],
    [400, "bad-request", 400],
    [499, "bad-request", 400],
    [500, "internal", 500],
    [200, "internal", 500],
    ["413", "internal", 500],
    [undefined, "internal", 500],
  ] as const) {
    const error = toGatewayError(thrown(statusCode));
    const document = problemDocument(error);
    assert.deepEqual([document.code, document.status], [code, status], String(statusCode));
    assert.doesNotMatch(document.detail, /secret/);
    assert.ok(error.cause instanceof Error, "the log may have it");
  }
  for (const value of ["secret", { statusCode: 413 }, undefined, new TypeError("secret")]) {
    const document = problemDocument(toGatewayError(value));
    assert.deepEqual([document.code, document.status], ["internal", 500]);
    assert.doesNotMatch(document.detail, /secret/);
  }
});

test("a value that does not fit its schema is named, and cut where it is long", () => {
  const invalid = (message: string): Error =>
    Object.assign(new Error("x"), { statusCode: 400, validation: [{ instancePath: "/bytes", message }] });
  assert.equal(toGatewayError(invalid("expected a number")).message, "bytes: expected a number");
  assert.equal(toGatewayError(invalid("x".repeat(500))).message.length, 200);
});

test("every code has a status of an error and a title, and an error of ours stays what it is", () => {
  for (const code of problemCodes) {
    const error = new GatewayError(code, "so", { headers: { allow: "GET" } });
    const { status, title, type } = problemDocument(error);
    assert.ok(status >= 400 && status < 600 && title.length > 0 && type.endsWith(code), code);
    assert.equal(toGatewayError(error), error);
    assert.equal(error.headers["allow"], "GET");
  }
});
