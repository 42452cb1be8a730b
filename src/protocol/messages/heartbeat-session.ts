// heartbeat-session: two peers agree on the key of their heartbeats over their connection, which has already proved who
// they are and hides what is said. Request and reply are alike.
import { z } from "zod";
import { sessionSecretLength } from "../heartbeat.ts";

/** `port`: where the sender listens for datagrams, 0 = nowhere · `session`: the number it wants to find in them. */
export type HeartbeatSession = {
  readonly secret: Uint8Array;
  readonly port: number;
  readonly session: number;
};

const secret: z.ZodType<Uint8Array> = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.length === sessionSecretLength,
  `expected ${sessionSecretLength} bytes`,
);

export const heartbeatSession: z.ZodType<HeartbeatSession> = z.object({
  secret,
  port: z.int().min(0).max(65_535),
  session: z.int().min(0).max(0xffff_ffff),
});
