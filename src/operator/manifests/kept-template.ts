// A Deployment keeps the pod template that it was made with: an operator that would write the same template in another way
// (a probe, a default, one variable more) would otherwise renew every pod by being upgraded.
import { textBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { type KubeObject, keepsOwned } from "../kube/index.ts";
import { annotations, type Manifest } from "./names.ts";

type Kept = { readonly of: string; readonly template: unknown };

/**
 * `manifest`, a Deployment, with the template that it has, as long as that was made of the same. `madeOf`: the name of
 * everything that the template is made of; `shown`: the Deployment as it is, absent where there is none.
 */
export function withKeptTemplate(manifest: Manifest, madeOf: string, shown?: KubeObject & { readonly owned?: string }): Manifest {
  const spec = manifest["spec"] as Readonly<Record<string, unknown>>;
  const kept = keptIn(shown);
  const template = kept?.of === madeOf ? kept.template : spec["template"];
  const note = { [annotations.madeOf]: JSON.stringify({ of: madeOf, template } satisfies Kept) };
  const metadata = { ...manifest.metadata, annotations: { ...manifest.metadata.annotations, ...note } };
  return { ...manifest, metadata, spec: { ...spec, template } };
}

// A note that somebody changed says nothing.
function keptIn(shown: (KubeObject & { readonly owned?: string }) | undefined): Kept | undefined {
  const text = shown?.metadata.annotations?.[annotations.madeOf];
  if (text === undefined || !keepsOwned(shown?.owned, noteAlone(text))) return undefined;
  try {
    const { of, template } = JSON.parse(text) as Partial<Kept>;
    return typeof of === "string" && typeof template === "object" && template !== null ? { of, template } : undefined;
  } catch {
    return undefined;
  }
}

function noteAlone(text: string): KubeObject {
  return { metadata: { name: "", annotations: { [annotations.madeOf]: text } } };
}

/** Digits of a note's hash: two of one farm never agree in them. */
const digits = 16;

/** A hash of a note. */
export function hashOfNote(text: string): string {
  return Buffer.from(hash(textBytes(text)))
    .toString("hex")
    .slice(0, digits);
}

/** Of a note what is looked at every time: the name of what the template was made of, and its hash; undefined where it names nothing. */
export function noteInShort(text: string): { readonly of: string; readonly hash: string } | undefined {
  const of = /^\{"of":"([0-9a-f]+)"/.exec(text)?.[1];
  return of === undefined ? undefined : { of, hash: hashOfNote(text) };
}
