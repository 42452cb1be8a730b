// A program that does nothing but keep a core busy, as the neighbours of a farm do. It ends with the bench that started it,
// however that ends: cores that stay busy would spoil every later measurement.
import { type ChildProcess, spawn } from "node:child_process";

/** Busy for some ten milliseconds between two looks at whose child it is: an orphan belongs to somebody else. */
const source = `const parent = process.ppid;
let n = 0;
function spin() {
  for (let i = 0; i < 1e7; i += 1) n = Math.imul(n + 1, 31);
  if (process.ppid === parent) setImmediate(spin);
}
spin();`;

/** Starts one; killed by its caller. */
export function startBusyProgram(): ChildProcess {
  return spawn(process.execPath, ["-e", source], { stdio: "ignore" });
}
