// The first frame in each direction of a control stream: protocol version and network. A lower major version or another
// network is refused with a reason that names both sides.
import { z } from "zod";
import type { Address } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { wireAddress } from "../../protocol/wire-types.ts";

/** What this program speaks. Unknown minor versions are tolerated. */
export const protocolVersion = { major: 1, minor: 0 } as const;

type Hello = { readonly major: number; readonly minor: number; readonly networkId: Address };
const hello: z.ZodType<Hello> = z.object({ major: z.int().min(0).max(65535), minor: z.int().min(0).max(65535), networkId: wireAddress });

/** The body of this side's hello. */
export function helloBody(networkId: Address): Uint8Array {
  return encodeMessage(hello, { ...protocolVersion, networkId });
}

/** Why a peer with this hello is refused, or undefined where it is welcome. */
export function refuseHello(body: Uint8Array, networkId: Address): string | undefined {
  const read = decodeMessage(hello, body);
  if (!read.ok) return `a hello that cannot be read: ${read.why}`;
  const { major, minor } = read.value;
  if (major < protocolVersion.major) return `protocol ${major}.${minor}, here at least ${protocolVersion.major}.0 is needed`;
  if (read.value.networkId !== networkId) return `of network ${read.value.networkId}, this is ${networkId}`;
  return undefined;
}
