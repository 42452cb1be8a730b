// The version of this software, from the one place that has it: package.json, two folders above both `src/` and `dist/` files.
import { readFileSync } from "node:fs";

const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

/** As in package.json, for example "0.1.0". */
export const softwareVersion: string =
  typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
