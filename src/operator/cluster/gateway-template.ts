// The gateways' Deployment with the pod template that it keeps. Its note, which holds that template, is kilobytes, and a thousand
// farms have one each: the cache has its name and hash, and the note itself is read where this operator would write another.
import type { KubeClient } from "../kube/index.ts";
import { hashOfNote, withKeptTemplate } from "../manifests/kept-template.ts";
import { annotations, type Manifest } from "../manifests/names.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { must } from "./object-writer.ts";
import { type DeploymentObject, deployments } from "./resources.ts";

type TemplateParts = {
  /** As this operator writes it, and the name of everything that its template is made of. */
  readonly gateways: Manifest;
  readonly madeOf: string;
  readonly shown: DeploymentObject | undefined;
  readonly client: Pick<KubeClient, "get">;
  readonly memory: Pick<FarmMemory, "keptNote">;
};

/** `gateways` with the template that is there, as long as that was made of the same. Throws the server's error. */
export async function withTemplateThere({ gateways, madeOf, shown, client, memory }: TemplateParts): Promise<Manifest> {
  const own = withKeptTemplate(gateways, madeOf);
  const note = shown?.note;
  if (shown === undefined || note?.of !== madeOf || note.hash === hashOfNote(own.metadata.annotations?.[annotations.madeOf] ?? ""))
    return own;
  if (memory.keptNote?.hash !== note.hash) {
    const { name, namespace } = shown.metadata;
    const live = must(await client.get(deployments, { name, ...(namespace === undefined ? {} : { namespace }) }));
    memory.keptNote = { hash: note.hash, text: live.metadata.annotations?.[annotations.madeOf] ?? "" };
  }
  const { metadata, ...rest } = shown;
  const noted = { ...metadata, annotations: { ...metadata.annotations, [annotations.madeOf]: memory.keptNote.text } };
  return withKeptTemplate(gateways, madeOf, { ...rest, metadata: noted });
}
