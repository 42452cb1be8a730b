// Proves that what an API server is taught is what this program reads: a structural schema that is bounded everywhere (the
// server's budget for rules depends on it), explains every field, has the defaults the reader fills in, and names what the
// columns show. Method: walks the schemas of all kinds.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { base58btc } from "multiformats/bases/base58";
import { parse } from "yaml";
import { parsePeerId } from "../../protocol/peer-id.ts";
import { customResourceDefinition, kinds, objectSchema, vaultFarmKind } from "./kinds.ts";
import { editorSchema, type StructuralSchema } from "./structural-schema.ts";
import { vaultFarmJsonSchema, vaultFarmSpecSchema } from "./vault-farm.ts";
import { peerIdPattern, vaultNodeSpecSchema } from "./vault-node.ts";

type Place = { readonly path: string; readonly node: StructuralSchema };

function walk(node: StructuralSchema, path: string): readonly Place[] {
  const inner = [
    ...Object.entries(node.properties ?? {}).map(([name, field]) => walk(field, `${path}.${name}`)),
    ...(node.items === undefined ? [] : [walk(node.items, `${path}[]`)]),
    ...(node.additionalProperties === undefined ? [] : [walk(node.additionalProperties, `${path}.*`)]),
  ];
  return [{ path, node }, ...inner.flat()];
}

const places = kinds.flatMap((kind) => [...walk(kind.spec, `${kind.kind}.spec`), ...walk(kind.status, `${kind.kind}.status`)]);
const failing = (wrong: (node: StructuralSchema, path: string) => boolean): readonly string[] =>
  places.filter(({ node, path }) => wrong(node, path)).map(({ path }) => path);

test("everything is bounded: texts, lists, mappings", () => {
  const closed = (node: StructuralSchema): boolean => node.enum !== undefined || node.format === "date-time";
  assert.deepEqual(
    failing((node) => node.type === "string" && !closed(node) && node["maxLength"] === undefined),
    [],
  );
  assert.deepEqual(
    failing((node) => node.type === "array" && (node["maxItems"] === undefined || node["x-kubernetes-list-type"] === undefined)),
    [],
  );
  assert.deepEqual(
    failing((node) => node.additionalProperties !== undefined && node["maxProperties"] === undefined),
    [],
  );
});

test("every field says what it is, in a sentence, and has a type", () => {
  const inner = (path: string): boolean => path.endsWith("[]") || path.endsWith(".*");
  assert.deepEqual(
    failing((node, path) => !inner(path) && !/^[A-Z].*\.$/.test(node.description ?? "")),
    [],
  );
  assert.deepEqual(
    failing((node) => node.type === undefined && node["x-kubernetes-int-or-string"] !== true),
    [],
  );
  assert.deepEqual(
    failing((node) => node.properties !== undefined && node.additionalProperties !== undefined),
    [],
    "a structural schema has either",
  );
});

// As an API server fills in defaults: outer ones first, then those inside.
function withDefaults(node: StructuralSchema, value: unknown): unknown {
  if (value === undefined) return node.default === undefined ? undefined : withDefaults(node, structuredClone(node.default));
  if (Array.isArray(value)) return value.map((item) => (node.items === undefined ? item : withDefaults(node.items, item)));
  if (typeof value !== "object" || value === null || node.properties === undefined) return value;
  const filled = { ...value } as Record<string, unknown>;
  for (const [name, field] of Object.entries(node.properties)) {
    const inner = withDefaults(field, filled[name]);
    if (inner !== undefined) filled[name] = inner;
  }
  return filled;
}

test("what the server fills in is what the reader would have", () => {
  const farm = { replicas: 5, vaultCapacity: "1Gi", pod: { tolerations: [{ key: "vaults" }] }, storage: { autogrow: { max: "4Gi" } } };
  assert.deepEqual(vaultFarmSpecSchema.parse(withDefaults(vaultFarmKind.spec, farm)), vaultFarmSpecSchema.parse(farm));
  const node = { farm: "attic" };
  assert.deepEqual(vaultNodeSpecSchema.parse(withDefaults(kinds[1]?.spec ?? {}, node)), { farm: "attic", desired: "Active", assigned: {} });
});

test("columns, scale and rules name fields that exist", () => {
  for (const kind of kinds) {
    const known = walk(objectSchema(kind), "").map(({ path }) => path);
    const scale = Object.values(kind.scale ?? {});
    for (const path of [...kind.columns.map(({ jsonPath }) => jsonPath), ...scale])
      assert.ok(path === ".metadata.creationTimestamp" || known.includes(path.replace(/\[\?.*\)\]/, "[]")), `${kind.kind} ${path}`);
    const ruled = walk(objectSchema(kind), "").flatMap(({ path, node }) =>
      ((node["x-kubernetes-validations"] ?? []) as readonly { fieldPath?: string }[]).map(({ fieldPath }) => `${path}${fieldPath ?? ""}`),
    );
    for (const path of ruled) assert.ok(known.includes(path), `${kind.kind} ${path}`);
  }
});

test("the columns are those a person expects, and none is of what does not exist yet", () => {
  const wide = kinds.map(({ columns }) => columns.filter(({ priority }) => priority === undefined).map(({ name }) => name));
  assert.deepEqual(wide, [
    ["Nodes", "Ready", "Vaults", "Used", "Capacity", "Below-min", "Status", "Age"],
    ["State", "Ready", "Vaults", "Used", "At-risk", "Score", "Zone", "Age"],
  ]);
});

test("the server takes every PeerId as a node's identity, from the lowest key to the highest, and little else", () => {
  const prefix = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
  for (const byte of [0, 1, 127, 128, 254, 255]) {
    const text = base58btc.baseEncode(Uint8Array.from([...prefix, ...new Array<number>(32).fill(byte)]));
    assert.equal(parsePeerId(text), text);
    assert.match(text, peerIdPattern);
    assert.doesNotMatch(`${text}1`, peerIdPattern);
    assert.doesNotMatch(text.slice(0, -1), peerIdPattern);
  }
});

test("the files hold the definitions, for the reader that kubectl has too", () => {
  for (const kind of kinds) {
    const read: unknown = parse(readFileSync(`charts/vaultfarm/crds/${kind.plural}.yaml`, "utf8"), { version: "1.1" });
    assert.deepEqual(read, JSON.parse(JSON.stringify(customResourceDefinition(kind))));
  }
});

test("an editor's schema has nothing that only an API server understands", () => {
  assert.equal(JSON.stringify(editorSchema(vaultFarmJsonSchema())).includes("x-kubernetes"), false);
  assert.ok(JSON.stringify(vaultFarmJsonSchema()).includes("x-kubernetes"));
});

// What an API server of the oldest version that the chart takes has (apiserver's cel/environment/base.go): `quantity` came with 1.28,
// and a server takes into new kinds what the version before it has too.
const knownFunctions = new Set(["has", "all", "startsWith", "size", "string", "type", "contains", "matches", "quantity", "compareTo"]);

test("the rules call no function that the oldest Kubernetes which the chart takes lacks", () => {
  const { kubeVersion } = parse(readFileSync("charts/vaultfarm/Chart.yaml", "utf8")) as { readonly kubeVersion: string };
  assert.equal(kubeVersion, ">=1.29.0-0");
  const called = kinds.flatMap((kind) => {
    const definition = JSON.stringify(customResourceDefinition(kind));
    return [...definition.matchAll(/"rule":"((?:[^"\\]|\\.)*)"/g)].flatMap(([, rule = ""]) =>
      [...rule.replaceAll(/'[^']*'/g, "").matchAll(/\b([a-zA-Z]+)\(/g)].map(([, name = ""]) => name),
    );
  });
  assert.ok(called.includes("quantity"));
  assert.deepEqual(
    [...new Set(called)].filter((name) => !knownFunctions.has(name)),
    [],
  );
});
