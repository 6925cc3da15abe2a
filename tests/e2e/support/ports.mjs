// Ports that no other test has.
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** A server that listens; undefined if the address is taken. */
const listen = (port, address) => new Promise((done) => {
  const server = createServer().on("error", () => done(undefined)).listen(port, address, () => done(server));
});

/**
 * A free port, below those that the system gives to outgoing connections: a server that starts again must find its port
 * free. No other test gets the same until this process ends: who listens on the port of 127.255.255.254 has reserved
 * it, as tests in .NET do.
 */
export async function freePort() {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    // First, so that no port is tried that a server which starts again needs.
    const reservation = await listen(port, "127.255.255.254");
    if (!reservation) continue;
    reservation.unref();
    const probe = await listen(port, "127.0.0.1");
    if (!probe) continue;
    await new Promise((done) => probe.close(done));
    return port;
  }
}
