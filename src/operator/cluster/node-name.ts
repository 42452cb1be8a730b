// Names of vault nodes: FARM-xxxxx, five random letters. No name is given to a second node while anything of the first is left.
import type { Random } from "../../runtime/random.ts";

// Base32 without letters that read like digits (RFC 4648 alphabet, lower case).
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const suffixLength = 5;

/** Of 2^25 names a farm has taken a few thousand at most: so many in a row are never taken by chance. */
const drawsMax = 16;

/**
 * A name for a node of `farm` that is not taken. Beyond what `isTaken` sees, the chance that one of a node which is gone without
 * a trace comes again is the number of such nodes in 2^25. Throws where every draw was taken.
 */
export async function drawNodeName(farm: string, random: Random, isTaken: (name: string) => Promise<boolean>): Promise<string> {
  for (let draw = 0; draw < drawsMax; draw += 1) {
    const name = `${farm}-${[...random.bytes(suffixLength)].map((byte) => alphabet[byte % alphabet.length]).join("")}`;
    if (!(await isTaken(name))) return name;
  }
  throw new Error(`${drawsMax} names drawn for a node of ${farm} were all taken: its randomness is broken`);
}
