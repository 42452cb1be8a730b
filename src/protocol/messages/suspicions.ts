// suspicions: a node tells how it sees some others, and is answered with how the asked one sees them. Two who agree that a
// node is silent confirm it; nobody takes another's word alone.
import { z } from "zod";
import type { PeerId } from "../peer-id.ts";
import { wirePeerId } from "../wire-types.ts";

/** Sightings in one message: a zone that fails at once is told in a few. */
export const sightingsPerMessageMax = 256;

/** suspected: no sign of life, at first hand · live: it gives signs of life · unsure: not watched, away, or the teller has just started or slept. */
export const sights = ["suspected", "live", "unsure"] as const;
export type Sight = (typeof sights)[number];

/** How the sender sees a node now. */
export type Sighting = { readonly peer: PeerId; readonly sight: Sight };

/** Request and reply alike; a reply speaks of the nodes asked about. */
export type Suspicions = { readonly sightings: readonly Sighting[] };

const sighting: z.ZodType<Sighting> = z.object({ peer: wirePeerId, sight: z.enum(sights) });

export const suspicions: z.ZodType<Suspicions> = z.object({ sightings: z.array(sighting).max(sightingsPerMessageMax) });
