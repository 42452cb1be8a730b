// How thrifty a process of the farm is with memory: what the C library and V8 read out of the environment once, before
// any of our code runs. Whoever starts such a process hands these on: the local farm, the image (`Dockerfile`), the tests.

/** Settings of V8 and glibc for every vault node and gateway. Measured with 512 MiB going in and out; elsewhere they mean nothing. */
export const memorySettings: Readonly<Record<string, string>> = {
  // Young generations of 16 MiB, V8's own choice, stay committed in every thread: 25 to 45 MiB a process. At 2 MiB the
  // collector takes no more CPU, since what is large (chunks, bodies) does not lie in V8's heap.
  NODE_OPTIONS: "--max-semi-space-size=2",
  // An arena a thread, glibc's own choice, keeps in each what any thread has freed: 20 to 30 MiB a process.
  MALLOC_ARENA_MAX: "2",
  // Chunk buffers get pages of their own, which go back to the system when freed. Without a fixed number glibc raises it
  // to the largest buffer that was ever freed.
  MALLOC_MMAP_THRESHOLD_: "524288",
  MALLOC_TRIM_THRESHOLD_: "1048576",
};
