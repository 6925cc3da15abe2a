// Runs every *.test.mjs, one after the other, then compares docs/conformance.md with what they saw: all but the part
// that tests in C# see.
//   node run.mjs            all
//   node run.mjs --facts=FOLDER  all; writes what they saw there, and compares nothing: ./test does, in the end
//   node run.mjs --write    all, and the suites in C# that see requests between servers; writes docs/conformance.md
//   node run.mjs TEXT...    files whose path contains one of these
// With --nodes=3 each server is three nodes behind HAProxy, which gives each request to the next; on PostgreSQL.
// With --postgresql the servers keep their data in a PostgreSQL server that this starts.
// With E2E_SCREENSHOTS=FOLDER the browser's tests keep pictures of the page there.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const write = process.argv.includes("--write");
const nodes = process.argv.find((argument) => argument.startsWith("--nodes="))?.slice("--nodes=".length);
const onPostgresql = nodes !== undefined || process.argv.includes("--postgresql");
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const files = ["http", "sdk", "bots", "browser", "peer"]
  .flatMap((folder) => readdirSync(join(here, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".test.mjs") && (wanted.length === 0 || wanted.some((w) => path.includes(w))));

const scratch = mkdtempSync(join(tmpdir(), "matrix-e2e-coverage-"));
chmodSync(scratch, 0o711);
const postgres = (verb) => execFileSync(join(here, "../support/postgres.sh"), [verb, join(scratch, "postgresql")],
  { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
const own = join(scratch, "facts");
mkdirSync(own);
const shared = process.argv.find((argument) => argument.startsWith("--facts="))?.slice("--facts=".length);
const env = { ...process.env, CONFORMANCE_FACTS: shared ?? own,
  ...(write ? { E2E_WRITE: "1" } : { E2E_ONLY: "1" }),
  ...(nodes ? { E2E_NODES: nodes } : {}),
  ...(onPostgresql ? { E2E_POSTGRESQL: postgres("start") } : {}) };
const suites = ["Matrix.Federation.Tests", "Matrix.Host.Tests"];
const run = (paths) =>
  spawnSync(
  process.execPath, ["--test", "--test-concurrency=1", ...paths], { cwd: here, env, stdio: "inherit" }).status ?? 1;

let status;
try {
  status = run(files);
  // A run of some files proves nothing about the page, and one that failed writes none.
  if (wanted.length === 0 && !shared) {
    if (write) status ||= spawnSync(join(here, "../../test"), suites, { env, stdio: "inherit" }).status ?? 1;
    if (!write || status === 0) status = run(["conformance.mjs"]) || status;
  }
} finally {
  if (onPostgresql) postgres("stop");
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(status);
