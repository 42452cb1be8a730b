// What a node's process has used and counted so far: CPU seconds of it and of its heartbeat thread, suspicions by cause.
import { readdirSync, readFileSync } from "node:fs";
import type { GroupNode, NodeGroup } from "../test/support/node-group.ts";

/** Linux counts CPU in hundredths of a second. */
const ticksPerSecond = 100;

/** CPU seconds as `process` and `thread`, counters by cause and `self-late`. */
export async function readNodeFigures(group: NodeGroup, node: GroupNode): Promise<Readonly<Record<string, number>>> {
  const text = await group.metrics(node);
  const causes = [...text.matchAll(/^vaultfarm_false_suspicions_total\{cause="(\w+)"\} (\d+)/gm)];
  const late = /^vaultfarm_self_late_total (\d+)/m.exec(text)?.[1];
  const counters = Object.fromEntries(causes.map(([, cause, value]) => [cause ?? "", Number(value)]));
  return { ...counters, "self-late": Number(late ?? 0), ...cpuOf(node.process.child.pid ?? 0) };
}

function cpuOf(pid: number): { process: number; thread: number } {
  const tasks = readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`);
  const detector = tasks.find((task) => readFileSync(`${task}/comm`, "utf8").startsWith("detector"));
  return { process: seconds(`/proc/${pid}/stat`), thread: detector === undefined ? 0 : seconds(`${detector}/stat`) };
}

/** User and system time: fields 14 and 15, counted after the name in brackets, which may hold anything (proc(5)). */
function seconds(path: string): number {
  const text = readFileSync(path, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
