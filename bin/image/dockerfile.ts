// Reads the last stage of the Dockerfile, so that the image made without Docker is what it says: its settings, and which
// folders lie where. Knows the instructions that our Dockerfile uses and refuses any other.

/** A path copied into the image: `from` is relative to the built package, `to` absolute. */
export type ImageCopy = { readonly from: string; readonly to: string };

/** What the last stage sets, in the words of the OCI image configuration. */
export type ImageSettings = {
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly user: string;
  readonly workdir: string;
  readonly volumes: readonly string[];
  /** As `4003/udp`; TCP where the Dockerfile names no protocol. */
  readonly exposedPorts: readonly string[];
  readonly copies: readonly ImageCopy[];
};

type Draft = { -readonly [K in keyof ImageSettings]: ImageSettings[K] };

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
const absolute = (workdir: string, path: string): string => (path.startsWith("/") ? path : `${workdir}/${path.replace(/^\.\//, "")}`);

/** `COPY a b to/`: each source keeps its last name below a target that ends in a slash or is the working folder. */
function copies(workdir: string, text: string): readonly ImageCopy[] {
  const paths = words(text).filter((word) => !word.startsWith("--"));
  const target = paths.at(-1) ?? "";
  return paths.slice(0, -1).map((path) => {
    const from = path.replace(/^\/app\//, "");
    const isFolder = target.endsWith("/") || target === ".";
    const name = from.split("/").at(-1) ?? "";
    return { from, to: absolute(workdir, isFolder ? `${target === "./" ? "" : target}${name}` : target) };
  });
}

const readers: Readonly<Record<string, (draft: Draft, text: string) => void>> = {
  FROM: () => undefined,
  // The one command of the last stage makes the folder of the volume; `volumes` says the same.
  RUN: () => undefined,
  ENV: (draft, text) => {
    draft.env = [...draft.env, ...words(text)];
  },
  WORKDIR: (draft, text) => {
    draft.workdir = text.trim();
  },
  COPY: (draft, text) => {
    draft.copies = [...draft.copies, ...copies(draft.workdir, text)];
  },
  USER: (draft, text) => {
    draft.user = text.trim();
  },
  VOLUME: (draft, text) => {
    draft.volumes = [...draft.volumes, ...words(text)];
  },
  EXPOSE: (draft, text) => {
    draft.exposedPorts = words(text).map((port) => (port.includes("/") ? port : `${port}/tcp`));
  },
  ENTRYPOINT: (draft, text) => {
    draft.entrypoint = JSON.parse(text) as readonly string[];
  },
  CMD: (draft, text) => {
    draft.cmd = JSON.parse(text) as readonly string[];
  },
};

/** The settings of the last stage of a Dockerfile. Throws an Error that names an instruction it does not know. */
export function readLastStage(dockerfile: string): ImageSettings {
  const lines = dockerfile
    .replace(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const draft: Draft = { env: [], entrypoint: [], cmd: [], user: "", workdir: "/", volumes: [], exposedPorts: [], copies: [] };
  for (const line of lines.slice(lines.findLastIndex((one) => one.startsWith("FROM ")))) {
    const [, name = "", text = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    const read = readers[name];
    if (read === undefined)
      throw new Error(`the Dockerfile's last stage has an instruction that the image without Docker does not know: ${line}`);
    read(draft, text);
  }
  return draft;
}
