// Equal texts of cached objects are kept once: ten thousand pods have the same labels, owners and reasons, and each came as
// texts of its own.

/** Gives values whose texts are shared with those of values before. */
export type SharedStrings = {
  /** `value` itself, a tree of plain data that nobody else holds yet: its texts are exchanged in place. Returns it. */
  share<T>(value: T): T;
};

/** Characters of the texts remembered by one cache: a few hundred kinds of label and reason, and whole field lists. */
const charactersMax = 131_072;
/** V8 keeps texts up to this length once by itself when it parses JSON. */
const sharedByEngine = 9;

/** Texts seen once push out nothing for long: at `charactersMax` all are forgotten, and those that come often are back at once. */
export function createSharedStrings(): SharedStrings {
  const known = new Map<string, string>();
  let characters = 0;
  const one = (text: string): string => {
    if (text.length <= sharedByEngine) return text;
    const before = known.get(text);
    if (before !== undefined) return before;
    if (characters + text.length > charactersMax) {
      known.clear();
      characters = 0;
    }
    known.set(text, text);
    characters += text.length;
    return text;
  };
  const inside = (value: object): void => {
    for (const [name, inner] of Object.entries(value)) {
      if (typeof inner === "string") Reflect.set(value, name, one(inner));
      else if (typeof inner === "object" && inner !== null) inside(inner);
    }
  };
  return {
    share: (value) => {
      if (typeof value === "object" && value !== null) inside(value);
      return value;
    },
  };
}
