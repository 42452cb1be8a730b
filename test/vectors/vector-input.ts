// The inputs of the self-encryption vectors, made by the rules their README gives, and their files as types.
import { readFileSync } from "node:fs";
import { blake3 } from "@noble/hashes/blake3.js";
import { toHex } from "../../src/protocol/bytes.ts";
import { hash } from "../../src/protocol/hash.ts";

export type VectorInput = { readonly rule: "xof" | "words" | "repeat" | "zero" | "mixed"; readonly label?: string; readonly size: number; readonly blake3?: string };
export type VectorChunk = {
  readonly index: number;
  readonly src_size: number;
  readonly src_hash: string;
  readonly dst_hash: string;
  readonly encrypted_size: number;
  readonly kdf?: string;
  readonly bytes?: string;
  readonly uncompressed_meta_blocks?: readonly number[];
};
export type VectorCase = {
  readonly name: string;
  readonly input: VectorInput;
  readonly chunk_count: number;
  readonly chunks: readonly VectorChunk[];
  readonly root_map?: string;
  readonly root_map_size: number;
  readonly root_map_address: string;
  readonly map_levels: readonly { readonly level: number; readonly chunks: readonly VectorChunk[] }[];
  readonly data_map: string;
  readonly data_map_address: string;
  readonly data_map_child: number | null;
  readonly stored_chunks: number;
};
export type VectorFile = { readonly max_chunk_size: number; readonly cases: readonly VectorCase[] };
export type ErrorCase = {
  readonly name: string;
  readonly change: string;
  readonly data_map: string;
  readonly chunk?: { readonly index: number; readonly bytes: string };
  readonly crate: Record<"decrypt" | "streaming_decrypt", { readonly ok?: string; readonly error?: string }>;
};
export type ErrorFile = {
  readonly base: { readonly input: VectorInput; readonly data_map: string; readonly chunks: readonly { readonly index: number; readonly bytes: string }[] };
  readonly cases: readonly ErrorCase[];
};

const folder = new URL("self-encryption/", import.meta.url);

/** A file of vectors. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, folder), "utf8")) as T;
}

const wordList = (
  "the of and to in is was he for it with as his on be at by had not are but from or have an they which one you were her all she there would their we him been has " +
  "when who will more no if out so said what up its about into than them can only other new some could time these"
).split(" ");
const repeated = "abcdefghijklmnopqrstuvwxyz0123456789\n";

function xof(label: string, size: number): Uint8Array {
  return blake3(new TextEncoder().encode(label), { dkLen: size });
}

function words(label: string, size: number): Uint8Array {
  const text: string[] = [];
  // No word is shorter than two letters and its space.
  const choices = xof(label, Math.ceil(size / 3) + 1);
  choices.forEach((choice, k) => {
    text.push(wordList[choice & 63] ?? "", k % 12 === 11 ? "\n" : " ");
  });
  return new Uint8Array(Buffer.from(text.join(""), "latin1").subarray(0, size));
}

/** The bytes of an input; throws where they do not have the hash the vector states. */
export function makeInput(input: VectorInput): Uint8Array {
  const bytes = fromRule(input);
  if (bytes.length !== input.size) throw new Error(`${bytes.length} bytes in place of ${input.size}`);
  if (input.blake3 !== undefined && toHex(hash(bytes)) !== input.blake3) throw new Error(`the rule "${input.rule}" gives other bytes than the vector's`);
  return bytes;
}

function fromRule({ rule, label = "", size }: VectorInput): Uint8Array {
  if (rule === "xof") return xof(label, size);
  if (rule === "words") return words(label, size);
  if (rule === "zero") return new Uint8Array(size);
  if (rule === "repeat") return new Uint8Array(Buffer.alloc(size, repeated));
  const random = xof(label, size);
  const text = words(label, size);
  return random.map((byte, at) => (Math.floor(at / 65_536) % 2 === 0 ? byte : (text[at] ?? 0)));
}
