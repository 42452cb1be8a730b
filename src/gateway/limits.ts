// The limits of a gateway, with unit and reason, in one place.

const kib = 1024;

/** Objects up to this many bytes are answered from one buffer: errors still become problem documents, and they may be cached. */
export const wholeObjectMax: number = 256 * kib;

/** Puts under way at once: each may hold tens of MiB while it encrypts. */
export const putsAtOnceMax = 64;

/** Reads under way at once. */
export const readsAtOnceMax = 512;

/** Single chunks on their way to readers at once: each holds up to 4 MiB, also one that the cache has dropped, until the reader has taken it. */
export const chunkReadsAtOnceMax = 64;

/** Bytes handed to a socket at once, so that a slow reader takes each piece in time. */
export const sendPieceMax: number = 256 * kib;

/** Connections with events open at once: each costs a socket and a buffer. */
export const eventClientsMax = 256;

/** Bytes a client of events may lag behind before it is cut off. */
export const eventLagMax: number = 1024 * kib;

/** Between two signs of life on an event stream, milliseconds: below the 60 s after which proxies close. */
export const heartbeatMs = 10_000;

/** Changes of the network within this time travel together, milliseconds: fast for an eye, few messages in a storm. */
export const coalesceMs = 100;

/** Uploads whose progress is remembered at once, and for how long after the last change, milliseconds. */
export const uploadsWatchedMax = 1024;
export const uploadMemoryMs = 120_000;

/** An upload that sends nothing for so long while it is waited for is given up, milliseconds. */
export const uploadIdleMs = 30_000;

/** What an upload must send on average while it is waited for, bytes a second: a trickle must not hold one of the uploads for ever. Large ones make way for others far sooner (client-pace.ts). */
export const uploadRateMin: number = 1 * kib;

/** A reader that takes nothing for so long is cut off, milliseconds; of a large object sooner where others wait (client-pace.ts). */
export const downloadIdleMs = 60_000;

/** How long the rest of a refused body is read away, so that the sender sees the answer, milliseconds. */
export const lingerMs = 5_000;

/** Open connections, all kinds. */
export const connectionsMax = 4096;

/** How long the socket of a request is waited for, all milliseconds. */
export type SocketPatience = {
  /** For all headers of a request to arrive. */
  readonly headersMs: number;
  /** Between two looks for requests whose headers are late. */
  readonly checkMs: number;
  /** With nothing sent or received: longer than the network takes to find an object. Uploads have their own watch. */
  readonly idleMs: number;
};
export const socketPatience: SocketPatience = { headersMs: 15_000, checkMs: 5_000, idleMs: 120_000 };

/** Longest request path, characters: an address of 128 digits and what stands around it. */
export const pathSegmentMax = 300;

/** Addresses whose use of the day is counted one by one; further ones share a count. */
export const quotaAddressesMax = 100_000;

/** Chunks on disk at once: each costs about 200 bytes of memory, and a look at its file at the start. */
export const diskCacheFilesMax = 100_000;

/** Bytes that wait to be written to the cache on disk; what comes beyond is not kept there. */
export const diskCacheWaitingMax: number = 16 * 1024 * kib;

/** Files of the cache written at once: it must not hold up what the machine's disks are for. */
export const diskCacheWritersMax = 2;

/** How long a request waits for Redis before the gateway counts or reads without it, milliseconds. Only who asks at the moment it falls silent. */
export const redisPatienceMs = 500;

/** The same for keeping a chunk there, for which nobody waits, milliseconds. */
export const redisWritePatienceMs = 5_000;

/** Between two looks whether Redis answers again, and how long each waits, milliseconds. */
export const redisProbeMs = 500;

/** Looks without an answer after which the connection is made anew. */
export const redisSilentProbesMax = 10;

/** How long a connection to Redis may take, and the longest wait before the next try, milliseconds. */
export const redisConnectMs = 2_000;
export const redisReconnectMaxMs = 5_000;

/** Bytes on their way to Redis at once; what comes beyond is not kept there. */
export const redisWaitingMax: number = 16 * 1024 * kib;

/** A chunk that no gateway kept anew for so long leaves Redis, seconds: a day. */
export const redisChunkLifeS = 86_400;

/** What is taken ahead from shared quotas for a body of unknown length, bytes: one question for so many pieces. */
export const quotaAheadBytes: number = 8 * 1024 * kib;
