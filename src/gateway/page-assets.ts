// The files of the page, read once at start: compiled ones where the program is built, and in a checkout the TypeScript
// itself with its types taken away.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";

export type PageAsset = { readonly path: string; readonly type: string; readonly content: Buffer; readonly etag: string };
export type PageAssets = readonly PageAsset[];

const web = new URL("./web/", import.meta.url);
/** The modules of the page, each a file of that name. */
const modules = [
  "page",
  "drop-zone",
  "element",
  "event-log",
  "farm-figures",
  "farm-map",
  "file-list",
  "file-shelf",
  "fingerprint",
  "healing",
  "network-source",
  "network-view",
  "open-form",
  "quantity",
  "upload",
  "upload-list",
] as const;
const inCheckout = import.meta.url.endsWith(".ts");

/** All files of the page, by the path they are served under. Rejects with the system's error where one is missing. */
export async function loadPageAssets(): Promise<PageAssets> {
  const fixed = [
    asset("/", "text/html; charset=utf-8", await readFile(new URL("index.html", web))),
    asset("/page.css", "text/css; charset=utf-8", await readFile(new URL("page.css", web))),
    asset("/icon.svg", "image/svg+xml", await readFile(new URL("icon.svg", web))),
  ];
  const compiled = modules.map(async (name) => asset(`/page/${name}.js`, "text/javascript; charset=utf-8", await loadModule(name)));
  return [...fixed, ...(await Promise.all(compiled))];
}

async function loadModule(name: string): Promise<Buffer> {
  if (!inCheckout) return readFile(new URL(`${name}.js`, web));
  const source = await readFile(new URL(`${name}.ts`, web), "utf8");
  // The compiler rewrites these specifiers when it builds; type stripping does not.
  return Buffer.from(stripTypeScriptTypes(source).replace(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"'));
}

function asset(path: string, type: string, content: Buffer): PageAsset {
  return { path, type, content, etag: `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"` };
}
