// The real server on a port and in a folder of its own: one process, or several nodes behind a balancer (E2E_NODES).
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Nodes } from "./nodes.mjs";
import { freePort } from "./ports.mjs";
import { createDatabase, dropDatabase, valueIn } from "./postgresql.mjs";
import { ServerProcess } from "./process.mjs";

const count = Number(process.env.E2E_NODES ?? 1);
// Nodes of which all were killed are waited for, before one takes their place.
const patience = count === 1 ? 30_000 : 60_000;

/** Whether a GET is answered 200. */
const isFine = (url) => new Promise((done) => {
  const asked = request(url, (response) => {
    response.resume();
    done(response.statusCode === 200);
  });
  asked.on("error", () => done(false)).end();
});

export class Server {
  constructor(folder, port, settings, database) {
    this.folder = folder;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.secret = randomBytes(16).toString("hex");
    this.settings = settings;
    // The URL of its database in PostgreSQL; undefined with SQLite.
    this.database = database;
    this.processes = [];
  }

  /** Starts a server with an empty database; `settings` are further environment variables. */
  static async start(settings = {}, port = undefined) {
    const folder = mkdtempSync(join(tmpdir(), "matrix-e2e-"));
    const server = new Server(folder, port ?? await freePort(), settings, createDatabase());
    if (count > 1) server.nodes = await Nodes.make(folder, count);
    await server.startAgain();
    return server;
  }

  get name() {
    return this.settings.MATRIX_SERVER_NAME ?? "hybrid.test";
  }

  async startAgain() {
    this.processes = [];
    const settings = {
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
    };
    if (this.nodes) await this.#startNodes(settings);
    else this.#run("server", settings);
    await this.#until(`${this.url}/_matrix/client/versions`);
  }

  log() {
    return this.processes.map((each) => each.log()).join("\n");
  }

  /** Sends SIGTERM; returns the exit code or signal, of the first node if there are several. */
  stop() {
    return this.#end("SIGTERM");
  }

  /** Sends SIGKILL. */
  kill() {
    return this.#end("SIGKILL");
  }

  async restart() {
    await this.stop();
    await this.startAgain();
  }

  /** Stops the server and removes its data. */
  async dispose() {
    await this.stop();
    this.nodes?.dispose();
    if (this.database) dropDatabase(this.database);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #startNodes(settings) {
    for (const node of this.nodes.all) {
      this.#run(node.name, { ...settings, ...this.nodes.settingsOf(node, settings) });
      await this.#until(`http://127.0.0.1:${node.client}/health/ready`);
    }
    await this.#untilShared();
    if (!this.nodes.balancer) this.nodes.balance(this.port, settings.MATRIX_LISTENERS__FEDERATION);
  }

  #run(name, settings) {
    this.processes.push(new ServerProcess(join(this.folder, `${name}.log`), settings));
  }

  async #until(url) {
    for (const start = Date.now(); !(await isFine(url)); await sleep(50)) {
      if (this.processes.some((each) => each.over) || Date.now() - start > patience)
        throw new Error(`The server did not start:\n${this.log()}`);
    }
  }

  /** Waits until all nodes have shards, and none moves any more: what is in memory only ends when its shard moves. */
  async #untilShared() {
    const owners = "SELECT count(DISTINCT node) || ' ' || string_agg(node, ' ' ORDER BY shard) FROM shards";
    let [before, since] = ["", 0];
    for (const start = Date.now(); !before.startsWith(`${count} `) || Date.now() - since < 1000; await sleep(100)) {
      const found = valueIn(this.database, owners);
      if (found !== before) [before, since] = [found, Date.now()];
      if (Date.now() - start > patience) throw new Error(`The nodes do not share the shards:\n${this.log()}`);
    }
  }

  async #end(signal) {
    return (await Promise.all(this.processes.map((each) => each.end(signal))))[0];
  }
}
