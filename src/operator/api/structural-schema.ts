// Turns a zod schema into the structural OpenAPI v3 schema that an API server wants in a CustomResourceDefinition.
import { z } from "zod";
import { quantityLengthMax } from "./fields.ts";
import { quantityPattern } from "./quantity.ts";

/** A node of a structural schema. */
export type StructuralSchema = {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly items?: StructuralSchema;
  readonly additionalProperties?: StructuralSchema;
  readonly [key: string]: unknown;
};

type JsonSchema = Readonly<Record<string, unknown>>;

/** The structural schema of what `schema` reads. Throws where the schema has a part that an API server would not take. */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return convert(z.toJSONSchema(schema, { io: "input" }) as JsonSchema, "");
}

// As written: what an API server knows and means the same by.
const kept = new Set(
  "type format description default enum pattern maxLength minLength maxItems minItems maxProperties minimum maximum required".split(" "),
);
// Said otherwise by an API server: unknown fields are pruned or refused by it, keys of a mapping have no schema there.
const dropped = new Set(["$schema", "additionalProperties", "propertyNames", "properties", "items", "anyOf"]);

function convert(node: JsonSchema, path: string): StructuralSchema {
  if (node["x-kubernetes-int-or-string"] === true) return intOrString(node);
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (kept.has(key) || key.startsWith("x-kubernetes-")) result[key] = value;
    else if (!dropped.has(key)) throw new TypeError(`no API server understands ${key} at ${path}`);
  }
  if (node["anyOf"] !== undefined) throw new TypeError(`alternatives at ${path} are not structural`);
  if (node["type"] === "integer") Object.assign(result, integerBounds(node));
  if (isObject(node["properties"])) result["properties"] = convertAll(node["properties"], path);
  if (isObject(node["additionalProperties"])) result["additionalProperties"] = convert(node["additionalProperties"], `${path}.*`);
  if (isObject(node["items"])) {
    result["items"] = convert(node["items"], `${path}[]`);
    // A list without keys belongs as a whole to whoever applied it last.
    result["x-kubernetes-list-type"] ??= "atomic";
  }
  return result;
}

function convertAll(properties: JsonSchema, path: string): Readonly<Record<string, StructuralSchema>> {
  return Object.fromEntries(Object.entries(properties).map(([name, node]) => [name, convert(node as JsonSchema, `${path}.${name}`)]));
}

// The bounds of whole numbers in JavaScript are said by the format.
function integerBounds({ minimum, maximum, format }: JsonSchema): JsonSchema {
  return {
    format: format ?? "int64",
    ...(minimum === Number.MIN_SAFE_INTEGER ? { minimum: undefined } : {}),
    ...(maximum === Number.MAX_SAFE_INTEGER ? { maximum: undefined } : {}),
  };
}

function intOrString({ description, default: fallback, ...node }: JsonSchema): StructuralSchema {
  return {
    ...(description === undefined ? {} : { description: String(description) }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [{ type: "integer" }, { type: "string" }],
    pattern: quantityPattern.source,
    maxLength: quantityLengthMax,
    "x-kubernetes-int-or-string": true,
    "x-kubernetes-validations": node["x-kubernetes-validations"],
  };
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON schema for editors: without what only an API server understands. */
export function editorSchema(schema: JsonSchema): JsonSchema {
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !key.startsWith("x-kubernetes-"))
        .map(([key, inner]) => [key, plain(inner)]),
    );
  };
  return plain(schema) as JsonSchema;
}
