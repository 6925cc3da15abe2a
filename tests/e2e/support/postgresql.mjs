// Databases for servers, in the PostgreSQL server that `run.mjs --postgresql` starts.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";

const server = process.env.E2E_POSTGRESQL;

function run(statement) {
  execFileSync("psql", ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--command", statement, server],
    { stdio: ["ignore", "ignore", "inherit"] });
}

/** Makes an empty database and returns its URL; undefined where the tests run on SQLite. */
export function createDatabase() {
  if (server === undefined) return undefined;
  const url = new URL(server);
  url.pathname = `/e2e_${randomBytes(8).toString("hex")}`;
  run(`CREATE DATABASE ${url.pathname.slice(1)}`);
  return url.href;
}

/** The first value that a statement finds in a database, as text. */
export function valueIn(url, statement) {
  return execFileSync("psql", ["--quiet", "--no-psqlrc", "--no-align", "--tuples-only", "--command", statement, url],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

/** Removes a database. */
export function dropDatabase(url) {
  run(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
}
