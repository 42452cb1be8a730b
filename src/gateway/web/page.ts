// The page: what the gateway tells about the network goes to map, figures and log; what a person gives goes to the vaults.
import { watchDrops } from "./drop-zone.ts";
import { announce, byId, setText } from "./element.ts";
import { addToLog, copiesNews, lineOf, membershipNews } from "./event-log.ts";
import { showFigures, showWarnings } from "./farm-figures.ts";
import { createFarmMap } from "./farm-map.ts";
import { showFiles } from "./file-list.ts";
import { createHealing } from "./healing.ts";
import { type Connection, watchNetwork } from "./network-source.ts";
import { type NetworkView, newsBetween } from "./network-view.ts";
import { watchOpenForm } from "./open-form.ts";
import { createUploadList } from "./upload-list.ts";

const connectionTexts: Readonly<Record<Connection, string>> = {
  connecting: "connecting",
  live: "live",
  lost: "connection lost, trying again",
  resting: "resting",
};

const map = createFarmMap(byId("map", HTMLElement));
const healing = createHealing();
/**
 * What is written down and read aloud waits so long, milliseconds: a node that misses one sign of life on a busy machine is
 * suspected for a moment, which the map shows at once and nobody needs to hear of.
 */
const settleMs = 1000;
let told: NetworkView | undefined;
let current: NetworkView | undefined;
let settling: number | undefined;

function tell(): void {
  settling = undefined;
  if (current === undefined) return;
  const news = [
    ...newsBetween(told, current).map(lineOf),
    ...copiesNews(told?.copies, current.copies),
    ...membershipNews(told?.membership ?? null, current.membership),
  ];
  told = current;
  showWarnings(current);
  if (news.length === 0) return;
  addToLog(news, Date.now());
  announce(news.map(({ text }) => text).join(". "));
}

watchNetwork({
  changed: (view) => {
    const first = current === undefined;
    current = view;
    map.update(view);
    showFigures(view);
    healing.update(view.copies);
    if (first) tell();
    else if (settling === undefined) settling = setTimeout(tell, settleMs);
  },
  connection: (state) => {
    const pill = byId("connection", HTMLElement);
    pill.dataset["state"] = state;
    setText(pill, connectionTexts[state]);
    byId("map", HTMLElement).dataset["stale"] = String(state === "lost");
  },
});

const uploads = createUploadList(showFiles);
watchDrops((files) => uploads.add(files, byId("public", HTMLInputElement).checked));
watchOpenForm();
showFiles();
