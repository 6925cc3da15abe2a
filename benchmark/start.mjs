// How long a server takes from its start to serving, and how long its first messages take beside later ones.
//   node benchmark/start.mjs FOLDER... [--rounds N]
// FOLDER holds a built server (matrix-host.dll). The folders take turns. All servers listen on 127.0.0.1.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const given = process.argv.slice(2);
const at = given.indexOf("--rounds");
const rounds = at < 0 ? 5 : Number(given.splice(at, 2)[1]);
if (given.length === 0 || !(rounds > 0)) {
  console.error("node benchmark/start.mjs FOLDER... [--rounds N]");
  process.exit(2);
}

const first = 500;
const warmUp = 5000;
const secret = "measured";
const port = 18190;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body, token) {
  const text = body === undefined ? "" : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    if (token) headers.authorization = `Bearer ${token}`;
    const sent = request({ host: "127.0.0.1", port, path, method, headers, agent }, answer => {
      const parts = [];
      answer.on("data", part => parts.push(part));
      answer.on("end", () => {
        const said = Buffer.concat(parts).toString();
        if (answer.statusCode === 200) resolve(said ? JSON.parse(said) : {});
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${said}`));
      });
    });
    sent.on("error", reject);
    sent.end(text);
  });
}

const middle = times => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];

async function measure(folder) {
  const data = mkdtempSync(join(tmpdir(), "matrix-start-"));
  const began = performance.now();
  const server = spawn("dotnet", [join(folder, "matrix-host.dll")], {
    env: {
      ...process.env,
      MATRIX_DATA_DIR: data,
      MATRIX_LISTENERS__CLIENT: `127.0.0.1:${port}`,
      MATRIX_REGISTRATION__SHARED_SECRET: secret,
      MATRIX_RATE_LIMITS__ENABLED: "false",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise(resolve => server.once("exit", resolve));
  try {
    const serving = await new Promise((resolve, reject) => {
      server.stdout.on("data", text => String(text).includes("Serving") && resolve(performance.now() - began));
      server.once("exit", code => reject(new Error(`The server ended with ${code}.`)));
    });

    const { nonce } = await call("GET", "/_synapse/admin/v1/register");
    const mac = createHmac("sha1", secret).update(`${nonce}\0first\0a long password\0notadmin`).digest("hex");
    const user = { nonce, username: "first", password: "a long password", admin: false, mac };
    const { access_token: token } = await call("POST", "/_synapse/admin/v1/register", user);
    const { room_id: room } = await call("POST", "/_matrix/client/v3/createRoom", {}, token);
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/`;
    const times = [];
    for (let n = 0; n < first + warmUp + first; n++) {
      const before = performance.now();
      await call("PUT", path + n, { msgtype: "m.text", body: `message ${n}` }, token);
      times.push(performance.now() - before);
    }

    return { serving, cold: middle(times.slice(0, first)), warm: middle(times.slice(-first)) };
  } finally {
    server.kill();
    await ended;
    agent.destroy();
    rmSync(data, { recursive: true, force: true });
  }
}

await measure(given[0]); // The client itself is warm from now on.
const measured = given.map(() => []);
for (let round = 0; round < rounds; round++) {
  for (let i = 0; i < given.length; i++) measured[i].push(await measure(given[i]));
}

for (const [i, folder] of given.entries()) {
  const of = what => middle(measured[i].map(each => each[what]));
  console.log(
    `${folder}: serving after ${of("serving").toFixed(0)} ms; ` +
      `p50 of the first ${first} messages ${of("cold").toFixed(3)} ms, ` +
      `of ${first} after ${warmUp} more ${of("warm").toFixed(3)} ms (${(of("cold") / of("warm")).toFixed(2)} times)`);
}
