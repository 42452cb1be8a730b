// Runs one program of the farm inside a child process and ties its life to the parent's: when `vaultfarm up` is gone,
// however it went, the channel to it closes and the program stops in good order. Argument: the program's entry.
import { entryUrl } from "../../runtime/entry-url.ts";

const [, , program = "", title = program] = process.argv;
process.title = title;
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
// The channel alone must not keep a program alive that has ended.
process.channel?.unref();
if (process.connected) await import(entryUrl(program).href);
