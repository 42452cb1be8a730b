// The inventory of a node, page by page in the order of addresses, with memory for two pages whatever the store holds.
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Address, parseAddress } from "../protocol/address.ts";
import { type HttpAnswer, type HttpRequest, jsonAnswer, problemAnswer } from "../runtime/http-server.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";

/** What an inventory is made of. */
export type AddressList = Pick<ChunkStore, "addresses">;

/** `next`: the `after` of the next page, null at the end. */
export type InventoryPage = { readonly addresses: readonly Address[]; readonly next: Address | null };

/** Addresses of one answer: about 670 KB of JSON. */
export const inventoryPageMax = 10_000;
const pageDefault = 1000;
// Long walks over the index let other work through.
const addressesPerTurn = 20_000;

/** The `limit` smallest addresses above `after`, of one vault or of all. */
export async function inventoryPage(
  store: AddressList,
  asked: { readonly vault?: Address | undefined; readonly after?: Address | undefined; readonly limit: number },
): Promise<InventoryPage> {
  const { after, limit } = asked;
  let smallest: Address[] = [];
  let seen = 0;
  for (const address of store.addresses(asked.vault)) {
    if (after === undefined || address > after) smallest.push(address);
    if (smallest.length > 2 * limit) smallest = smallest.sort().slice(0, limit + 1);
    seen += 1;
    if (seen % addressesPerTurn === 0) await nextTurn();
  }
  const addresses = smallest.sort().slice(0, limit);
  return { addresses, next: smallest.length > limit ? (addresses.at(-1) ?? null) : null };
}

/** The answer to `GET /v1/inventory?vault=&after=&limit=`. */
export async function answerInventory(store: AddressList, request: HttpRequest): Promise<HttpAnswer> {
  const { query } = request;
  const [vault, after] = [readAddress(query.get("vault")), readAddress(query.get("after"))];
  if (vault === "wrong" || after === "wrong") return problemAnswer(400, "bad-query", "vault and after: expected 64 hexadecimal digits");
  const limit = Number(query.get("limit") ?? pageDefault);
  if (!Number.isInteger(limit) || limit < 1 || limit > inventoryPageMax)
    return problemAnswer(400, "bad-query", `limit: expected a whole number from 1 to ${inventoryPageMax}`);
  return jsonAnswer(200, await inventoryPage(store, { vault, after, limit }));
}

function readAddress(text: string | null): Address | undefined | "wrong" {
  return text === null ? undefined : (parseAddress(text) ?? "wrong");
}
