// One process of the real server, started the way a person starts it.
import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = resolve(fileURLToPath(import.meta.url), "../../../..");

export class ServerProcess {
  /** Starts it; `settings` are environment variables. The log is added to. */
  constructor(logFile, settings) {
    this.logFile = logFile;
    this.over = false;
    const log = openSync(logFile, "a");
    this.process = spawn(join(repository, "run"), ["--no-build"], {
      env: { ...process.env, ...settings }, stdio: ["ignore", log, log],
    });
    this.ended = new Promise((done) => this.process.once("exit", (code, signal) => done({ code, signal })));
    this.ended.then(() => (this.over = true));
  }

  /** The last lines of its log. */
  log() {
    return readFileSync(this.logFile, "utf8").split("\n").slice(-40).join("\n");
  }

  /** Sends a signal, unless it has ended; returns the exit code or signal. */
  end(signal) {
    if (!this.over) this.process.kill(signal);
    return this.ended;
  }
}
