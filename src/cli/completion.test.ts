// Proves that completion knows every command and option: a real bash completes with the script, and the scripts for the
// other shells name them all.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { runInProcess } from "./command-fixture.ts";
import { exitCodes } from "./exit-code.ts";

const scriptFor = async (shell: string): Promise<string> => (await runInProcess(["completion", shell], ".")).out.toString();

test("bash completes commands and their options, and leaves files to itself", async () => {
  const script = await scriptFor("bash");
  const complete = (words: readonly string[]): string => {
    const typed = `${script}\nCOMP_WORDS=(vaultfarm "$@"); COMP_CWORD=$#; _vaultfarm; echo "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["--norc", "-c", typed, "bash", ...words], { encoding: "utf8" }).trim();
  };
  assert.equal(complete(["st"]), "status");
  assert.equal(complete(["get", "abc", "--o"]), "--output");
  assert.equal(complete(["up", "--no"]), "--no-restart");
  assert.equal(complete(["put", "holi"]), "");
});

test("zsh and fish are told every command with its options", async () => {
  const [zsh, fish] = [await scriptFor("zsh"), await scriptFor("fish")];
  for (const [verb, option] of [
    ["up", "ephemeral"],
    ["down", "data"],
    ["status", "json"],
    ["drain", "name"],
    ["undrain", "data"],
    ["get", "output"],
    ["decrypt", "chunks"],
  ] as const) {
    assert.match(zsh, new RegExp(`^ {4}${verb}\\) _arguments .*'--${option}\\[`, "m"));
    assert.ok(fish.includes(`-n '__fish_seen_subcommand_from ${verb}' -l ${option}`), `${verb} --${option}`);
  }
});

test("another shell is refused with those there are", async () => {
  const { code, err } = await runInProcess(["completion", "csh"], ".");
  assert.equal(code, exitCodes.usage);
  assert.match(err, /Allowed choices are bash, zsh, fish/);
});
