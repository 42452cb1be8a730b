// What an object's new version has in common with the one before it is kept once: of a pod that became ready its labels, owners
// and texts stay where they are. Else each of ten thousand objects, which change ten times while they begin, leaves holes in a
// heap that then stays larger than what is in it.

/**
 * `next` with each part of it that is equal to the part of `before` in the same place exchanged for that one; `before` itself
 * where all is equal. Both are trees of plain data; `next` is changed in place, and nobody else may hold it yet.
 */
export function withEqualParts<T>(before: unknown, next: T): T {
  if (Object.is(before, next)) return before as T;
  if (!isTree(before) || !isTree(next) || Array.isArray(before) !== Array.isArray(next)) return next;
  const names = Object.keys(next);
  let isSame = names.length === Object.keys(before).length;
  for (const name of names) {
    const [old, now]: readonly unknown[] = [Reflect.get(before, name), Reflect.get(next, name)];
    const kept = withEqualParts(old, now);
    // Equal texts are two in memory, which no comparison tells.
    if (isTree(kept) ? kept !== now : typeof kept === "string" && kept === old) Reflect.set(next, name, kept);
    isSame &&= Object.is(kept, old) && Object.hasOwn(before, name);
  }
  return isSame ? (before as T) : next;
}

function isTree(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
