// Building and finding elements of the page without markup in strings.

type Attributes = Readonly<Record<string, string | undefined>>;

/** A new element with attributes and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The element with this id. Throws where the page has none of this kind. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** Sets the text of an element, and leaves it alone where nothing changes (screen readers announce changes). */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** A button that runs `action`. */
export function button(text: string, action: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", { type: "button", class: "button small", ...attributes }, text);
  made.addEventListener("click", action);
  return made;
}

/** Tells screen readers something that changed elsewhere on the page. */
export function announce(text: string): void {
  setText(byId("announce", HTMLElement), text);
}
