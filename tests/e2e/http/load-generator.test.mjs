// The load generator drives only servers on this machine.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = resolve(
  fileURLToPath(import.meta.url), "../../../../tools/Matrix.LoadGen/bin/Release/net10.0/matrix-loadgen.dll");
const run = (...args) => spawnSync("dotnet", [program, ...args], { encoding: "utf8", timeout: 20_000 });

test("addresses outside 127.0.0.0/8 are refused before anything is sent", () => {
  for (const url of ["http://192.0.2.1:8008", "http://matrix.example", "https://127.0.0.1:8008",
    "http://[2001:db8::1]:80", "http://10.0.0.1"]) {
    const { status, stderr } = run("--server", `x=${url}`);
    assert.equal(status, 2, url);
    assert.match(stderr, /127\.0\.0\.0\/8|not an http/);
  }
});

test("the help names every workload", () => {
  const { status, stdout } = run("--help");
  assert.equal(status, 0);
  for (const name of ["send-sequential", "send-one-room", "send-many-rooms", "sync-idle", "fan-out", "sync-initial",
    "messages", "big-room"]) {
    assert.match(stdout, new RegExp(name));
  }
});
