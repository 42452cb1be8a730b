// Every limit of the machinery, with unit and reason.

/** Connections for calls: one is fast enough (1,500 calls a second over HTTP/2), the second survives a slow large answer in the first. */
export const callConnectionsMax = 2;
/** All watches share one connection, so that a list's megabytes never delay an event. With one to spare while an old connection ends: 4. */
export const watchConnectionsMax = 1;
/** API servers allow 100 streams a connection; more than this many watches would wait for each other there. */
export const watchesMax = 96;
/** Calls on the way at once. API servers grant a program some 20 to 40 seats (priority and fairness); more would only wait there. */
export const callsInFlightMax = 32;
/** Calls that wait for their turn; more than this and the program starts work faster than it can end. */
export const callsWaitingMax = 10_000;

/** Milliseconds until a connection must stand. */
export const connectTimeoutMs = 10_000;
/** A connection with open streams that says nothing for this long is asked for a sign of life (client-go: 30 s)... */
export const pingAfterMs = 15_000;
/** ...and given up when none comes within this. A half-open connection is so found in half a minute, not in fifteen. */
export const pingTimeoutMs = 10_000;

/** One call, from its start to the last byte of its answer; the server's own limit is 60 s. */
export const callTimeoutMs = 30_000;
/** Tries of one call, the first included. */
export const attemptsMax = 5;
/** First and longest wait between tries; drawn from the upper half of each step. */
export const retryBaseMs = 200;
export const retryMaxMs = 10_000;
/** A server that asks for a longer wait gets it from the caller's queue, not from a call that sits here. */
export const retryAfterMaxMs = 30_000;

/** Bytes of one answer: 500 objects of 64 KiB. A larger page is asked for again with fewer objects. */
export const answerBytesMax: number = 32 * 1024 * 1024;
/** Bytes of one watch line: etcd holds 1.5 MiB an object, written as JSON at most about twice that. */
export const watchLineBytesMax: number = 4 * 1024 * 1024;
/** Objects a page. */
export const pageSize = 500;

/** A watch ends on the server after a random time in this range, so that watches do not all come back at once (client-go). */
export const watchSecondsMin = 300;
export const watchSecondsMax = 600;
/** A watch that says nothing for this long is broken: bookmarks come every minute. */
export const watchIdleMs = 150_000;
/** Waits of a reflector after a failure (client-go: 0.8 to 30 s). */
export const reflectBackoffMinMs = 800;
export const reflectBackoffMaxMs = 30_000;
/** A watch that held this long is a success: the next failure waits the shortest time again. */
export const reflectHealthyMs = 120_000;

/** Waits of a key that fails: doubled from the first to the last (controller-runtime). */
export const keyBackoffMinMs = 5;
export const keyBackoffMaxMs = 1_000_000;
/** Different keys in one queue; they are names of objects, of which a cluster has fewer. */
export const queueKeysMax = 200_000;

/** Lease (client-go): a holder is dead after this long without a renewal, as seen here... */
export const leaseDurationMs = 15_000;
/** ...gives up by itself after this... */
export const renewDeadlineMs = 10_000;
/** ...and tries this often. */
export const leaseRetryMs = 2000;

/** Every object of a controller is looked at again after about this long, as a net below all nets (controller-runtime). */
export const resyncMs: number = 10 * 3_600_000;

/** Different events remembered for counting repeats, and waiting to be written. */
export const eventsRememberedMax = 4096;
export const eventsWaitingMax = 1000;
/** Repeats of an event within this time are counted in one object. */
export const eventWindowMs = 600_000;
