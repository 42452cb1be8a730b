// Files come in by dropping them anywhere on the page, by the file chooser, or by pasting.
import { byId } from "./element.ts";

/** Calls `take` with the files that a person gives. */
export function watchDrops(take: (files: readonly File[]) => void): void {
  const zone = byId("drop", HTMLElement);
  const input = byId("file-input", HTMLInputElement);
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  let depth = 0;
  const highlight = (change: number): void => {
    depth = Math.max(0, depth + change);
    zone.dataset["over"] = String(depth > 0);
  };
  document.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) highlight(1);
  });
  document.addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) highlight(-1);
  });
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    highlight(0);
    take([...(event.dataTransfer?.files ?? [])]);
  });
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    // The same file may be chosen again.
    input.value = "";
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) take(files);
  });
}
