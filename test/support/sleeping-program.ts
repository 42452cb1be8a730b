// A program for tests of process handling: says that it runs and stays until a signal, or ends at once where it is told to.
const ends = process.env["END_WITH"];
if (ends !== undefined) process.exit(Number(ends));
process.on("SIGTERM", () => process.exit(0));
setInterval(() => {}, 1000);
process.stdout.write("running\n");
