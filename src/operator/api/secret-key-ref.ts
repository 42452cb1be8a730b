// A key of a Secret, as manifests name one.
import { z } from "zod";
import { anObject, objectName, textOf } from "./fields.ts";

/** A key of a Secret in the farm's namespace. */
export type SecretKeyRef = { readonly name: string; readonly key: string };

/** The schema of a key of a Secret whose value is `what`. */
export function secretKeyRef(what: string): z.ZodType<SecretKeyRef> {
  return z.strictObject(
    {
      name: objectName().describe("Name of the Secret, in the farm's namespace."),
      key: textOf("a key of a Secret", /^[A-Za-z0-9._-]+$/, 253).describe(`Key in the Secret whose value is ${what}.`),
    },
    anObject,
  );
}
