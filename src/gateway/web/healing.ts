// What is being done about chunks that lack a copy: copied again now, or waiting for a silent node; with the time it takes.
import { byId, setText } from "./element.ts";
import type { CopiesView } from "./network-view.ts";
import { bytesText, countText, leftText } from "./quantity.ts";

/** What there is to say at `now` (the gateway's clock, milliseconds); empty while nothing is missing. */
export function healingText({ policy, repair, belowTarget }: CopiesView, now: number, endsAt: number): string {
  const lines: string[] = [];
  if (repair.chunks > 0) {
    const bytes = repair.bytesLeft > 0 ? `, ${bytesText(repair.bytesLeft)}` : "";
    lines.push(`Healing: ${countText(repair.chunks, "chunk", "chunks")}${bytes}, about ${leftText(endsAt - now)} left.`);
  }
  const waiting = Math.min(repair.waiting, belowTarget);
  if (waiting > 0) {
    const which = `${countText(waiting, "chunk has", "chunks have")} fewer than the intended ${policy.target} live copies`;
    const when =
      repair.dueAtMs === null || repair.dueAtMs <= now
        ? "once the loss is certain and a node has room"
        : `in ${leftText(repair.dueAtMs - now)} unless the silent node returns`;
    lines.push(`${which} and will be copied again ${when}.`);
  }
  return lines.join(" ");
}

export type Healing = { update(copies: CopiesView): void };

const tickMs = 1000;

/** Shows it, and counts down between two words of the gateway. */
export function createHealing(): Healing {
  const root = byId("healing", HTMLElement);
  const bar = byId("healing-bar", HTMLElement);
  let copies: CopiesView | undefined;
  let endsAt = 0;
  let mostBytes = 0;
  let skewMs = 0;
  let ticking: number | undefined;
  // The gateway's clock counts: this machine's may be wrong by minutes.
  void readSkewMs().then((found) => {
    skewMs = found;
  });
  const show = (): void => {
    ticking = undefined;
    const text = copies === undefined ? "" : healingText(copies, Date.now() + skewMs, endsAt);
    root.hidden = text === "";
    if (text === "") return;
    setText(byId("healing-text", HTMLElement), text);
    ticking = setTimeout(show, tickMs);
  };
  return {
    update: (next) => {
      const { chunks, bytesLeft, etaMs } = next.repair;
      if (etaMs !== copies?.repair.etaMs || bytesLeft !== copies.repair.bytesLeft) endsAt = Date.now() + skewMs + etaMs;
      mostBytes = chunks === 0 ? 0 : Math.max(mostBytes, bytesLeft);
      copies = next;
      bar.hidden = chunks === 0;
      bar.style.setProperty("--filled", `${mostBytes === 0 ? 100 : (1 - bytesLeft / mostBytes) * 100}%`);
      clearTimeout(ticking);
      show();
    },
  };
}

async function readSkewMs(): Promise<number> {
  try {
    const { headers } = await fetch("/v1/network", { method: "HEAD" });
    const at = Date.parse(headers.get("date") ?? "");
    return Number.isNaN(at) ? 0 : at - Date.now();
  } catch {
    return 0;
  }
}
