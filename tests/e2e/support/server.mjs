// The real server, started the way a person starts it, on a port and in a folder of its own.
import { spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createDatabase, dropDatabase } from "./postgresql.mjs";

const repository = resolve(fileURLToPath(import.meta.url), "../../../..");
const patience = 30_000;

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

export class Server {
  constructor(folder, port, settings, database) {
    this.folder = folder;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.secret = randomBytes(16).toString("hex");
    this.settings = settings;
    // The URL of its database in PostgreSQL; undefined with SQLite.
    this.database = database;
  }

  /** Starts a server with an empty database; `settings` are further environment variables. */
  static async start(settings = {}, port = undefined) {
    const folder = mkdtempSync(join(tmpdir(), "matrix-e2e-"));
    const server = new Server(folder, port ?? await freePort(), settings, createDatabase());
    await server.startAgain();
    return server;
  }

  get name() {
    return this.settings.MATRIX_SERVER_NAME ?? "hybrid.test";
  }

  async startAgain() {
    const log = openSync(join(this.folder, "server.log"), "a");
    this.process = spawn(join(repository, "run"), ["--no-build"], {
      env: {
        ...process.env,
        MATRIX_SERVER_NAME: this.name,
        MATRIX_DATA_DIR: join(this.folder, "data"),
        MATRIX_LISTENERS__CLIENT: `127.0.0.1:${this.port}`,
        MATRIX_REGISTRATION__SHARED_SECRET: this.secret,
        MATRIX_REGISTRATION__ENABLED: "true",
        MATRIX_RATE_LIMITS__ENABLED: "false",
        // Tests hash many passwords that nobody will try to guess.
        MATRIX_PASSWORDS__MEMORY: "64KiB",
        MATRIX_PASSWORDS__OPERATIONS: "1",
        ...(this.database ? { MATRIX_DATABASE__URL: this.database } : {}),
        ...this.settings,
      },
      stdio: ["ignore", log, log],
    });
    this.ended = new Promise((done) => this.process.once("exit", (code, signal) => done({ code, signal })));
    let over = false;
    this.ended.then(() => (over = true));
    for (const start = Date.now(); !(await this.answers()); await sleep(50)) {
      if (over || Date.now() - start > patience) throw new Error(`The server did not start:\n${this.log()}`);
    }
  }

  log() {
    return readFileSync(join(this.folder, "server.log"), "utf8").split("\n").slice(-40).join("\n");
  }

  answers() {
    return new Promise((done) => {
      const asked = request(`${this.url}/_matrix/client/versions`, (response) => {
        response.resume();
        done(response.statusCode === 200);
      });
      asked.on("error", () => done(false)).end();
    });
  }

  /** Sends SIGTERM; returns the exit code or signal. */
  async stop() {
    this.process.kill("SIGTERM");
    return await this.ended;
  }

  /** Sends SIGKILL. */
  async kill() {
    this.process.kill("SIGKILL");
    return await this.ended;
  }

  async restart() {
    await this.stop();
    await this.startAgain();
  }

  /** Stops the server and removes its data. */
  async dispose() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.stop();
    if (this.database) dropDatabase(this.database);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
