// Bad input gets the right status and error code, and the server goes on.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { User, raw, refusedWith, timeline, v3 } from "../support/client.mjs";
import { freePort } from "../support/ports.mjs";
import { Server } from "../support/server.mjs";
import { checkError } from "../support/spec.mjs";

let server, alice, roomId;
before(async () => {
  server = await Server.start();
  alice = await User.register(server, "alice");
  roomId = await alice.createsRoom();
});
after(() => server?.dispose());

const message = () => v3`rooms/${roomId}/send/m.room.message/${randomUUID()}`;
const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);

async function refuses(status, errcode, method, path, body, headers) {
  const response = await raw(server, method, path, { token: alice.token, body, headers });
  refusedWith(response, status, errcode, `${method} ${path} ${String(body).slice(0, 100)}`);
  assert.deepEqual(checkError(response.status, response.body), []);
  assert.match(response.headers.get("content-type"), /^application\/json/);
}

test("unknown paths and wrong methods are unrecognised", async () => {
  await refuses(404, "M_UNRECOGNIZED", "GET", "/_matrix/client/v3/no/such/thing");
  await refuses(404, "M_UNRECOGNIZED", "GET", "/_matrix/client/v99/sync");
  await refuses(404, "M_UNRECOGNIZED", "GET", "/nothing");
  await refuses(405, "M_UNRECOGNIZED", "DELETE", "/_matrix/client/v3/sync");
  await refuses(405, "M_UNRECOGNIZED", "PATCH", "/_matrix/client/v3/login", "{}");
});

test("a body that is not JSON and one with wrong JSON get different errors", async () => {
  for (const body of ["{", "not json", "{\"a\":}", "{\"a\":1}}", "\u0000",
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])]) {
    await refuses(400, "M_NOT_JSON", "PUT", message(), body);
    await refuses(400, "M_NOT_JSON", "POST", v3`createRoom`, body);
  }
  for (const body of ["[]", "5", "\"text\"", "null", "true"]) {
    await refuses(400, "M_BAD_JSON", "PUT", message(), body);
    await refuses(400, "M_BAD_JSON", "POST", v3`createRoom`, body);
    await refuses(400, "M_BAD_JSON", "POST", v3`login`, body);
  }
});

test("numbers that events cannot hold, lone surrogates and deep nesting are refused in events", async () => {
  const bad = ["M_BAD_JSON", "M_NOT_JSON"];
  for (const value of ["1.5", "1e400", "9007199254740993", "-9007199254740993", "1.0", "100e-2",
    "123456789012345678901234567890"]) {
    await refuses(400, bad, "PUT", message(), `{"msgtype":"m.text","body":"x","n":${value}}`);
    await refuses(400, bad, "PUT", v3`rooms/${roomId}/state/org.example.n/`, `{"n":${value}}`);
  }
  await refuses(400, bad, "PUT", message(), '{"msgtype":"m.text","body":"\\ud800"}');
  await refuses(400, bad, "PUT", message(), '{"msgtype":"m.text","body":"\\udc00\\ud800"}');
  await refuses(400, bad, "PUT", message(), '{"\\ud83d":1}');
  await refuses(400, bad, "PUT", message(), `{"a":${nested(20_000)}}`);
  await refuses(400, bad, "POST", v3`createRoom`, `{"a":${nested(20_000)}}`);
});

test("events keep unusual content that is allowed", async () => {
  const body = '{"msgtype":"m.text","body":"\\u0000 nul","":{"\\u0000":[]},' +
    '"big":9007199254740991,"small":-9007199254740991}';
  const sent = await raw(server, "PUT", message(), { token: alice.token, body });
  assert.equal(sent.status, 200, sent.text);
  const event = await alice.get(v3`rooms/${roomId}/event/${sent.body.event_id}`);
  assert.deepEqual(event.content, JSON.parse(body));
});

test("the last of duplicate keys wins, for every reader", async () => {
  const sent = await raw(
    server, "PUT", message(), { token: alice.token, body: '{"msgtype":"m.text","body":"first","body":"second"}' });
  assert.equal(sent.status, 200, sent.text);
  assert.equal((await alice.get(v3`rooms/${roomId}/event/${sent.body.event_id}`)).content.body, "second");
});

test("an event over 64 KiB, a body over its limit, and a state key or a type over 255 bytes are too large",
  async () => {
  await refuses(413, "M_TOO_LARGE", "PUT", message(), JSON.stringify({ msgtype: "m.text", body: "x".repeat(66_000) }));
  await refuses(
    413, "M_TOO_LARGE", "PUT", message(), JSON.stringify({ msgtype: "m.text", body: "x".repeat(1_000_000) }));
  await refuses(413, "M_TOO_LARGE", "POST", v3`createRoom`, JSON.stringify({ name: "x".repeat(1_000_000) }));
  const large = ["M_TOO_LARGE", "M_INVALID_PARAM", "M_BAD_JSON"];
  for (const path of [v3`rooms/${roomId}/state/org.example.x/${"k".repeat(256)}`,
    v3`rooms/${roomId}/state/org.example.x/${"é".repeat(200)}`,
    v3`rooms/${roomId}/state/${"t".repeat(256)}/`, v3`rooms/${roomId}/send/${"t".repeat(256)}/${randomUUID()}`]) {
    const response = await raw(server, "PUT", path, { token: alice.token, body: "{}" });
    assert.ok([400, 413].includes(response.status), response.text);
    assert.ok(large.includes(response.body.errcode), response.text);
  }
  await alice.sends(roomId, "x".repeat(60_000));
});

test("malformed ids are refused", async () => {
  const bad = [400, 403, 404];
  for (const id of ["x", "!", "@alice:hybrid.test", "!" + "a".repeat(300) + ":hybrid.test", "%", "!💥"]) {
    for (const [method, path, body] of [
      ["PUT", v3`rooms/${id}/send/m.room.message/${randomUUID()}`, { msgtype: "m.text", body: "x" }],
      ["GET", v3`rooms/${id}/state`],
      ["POST", v3`rooms/${id}/invite`, { user_id: alice.id }],
      ["POST", v3`join/${id}`, {}],
    ]) {
      const response = await raw(server, method, path, { token: alice.token, body });
      assert.ok(bad.includes(response.status), `${method} ${path}: ${response.status} ${response.text}`);
      assert.deepEqual(checkError(response.status, response.body), []);
    }
  }
  for (const id of ["alice", "@alice", "alice:hybrid.test", "@" + "a".repeat(300) + ":hybrid.test", "@a:b:c:d:e",
    "@a: "]) {
    await refuses(
      400, ["M_INVALID_PARAM", "M_BAD_JSON"], "POST", v3`rooms/${roomId}/invite`, JSON.stringify({ user_id: id }));
    await refuses(
      400, ["M_INVALID_PARAM", "M_BAD_JSON"], "POST", v3`rooms/${roomId}/ban`, JSON.stringify({ user_id: id }));
  }
});

test("paths with broken percent signs, bad UTF-8 or a NUL are refused, not misread", async () => {
  for (const path of ["rooms/%ff%fe/state", "rooms/%/state", "rooms/%zz/state", "profile/%c3%28", "rooms/%00/state"]) {
    const response = await raw(server, "GET", `/_matrix/client/v3/${path}`, { token: alice.token });
    assert.ok([400, 403, 404].includes(response.status), `${path}: ${response.status} ${response.text}`);
    assert.deepEqual(checkError(response.status, response.body), []);
  }
});

test("malformed, negative or huge numbers in the query are refused or bounded", async () => {
  await refuses(400, "M_INVALID_PARAM", "GET", `${v3`sync`}?timeout=soon`);
  await refuses(400, "M_INVALID_PARAM", "GET", `${v3`rooms/${roomId}/messages`}?dir=b&limit=many`);
  const huge = await raw(
    server, "GET", `${v3`rooms/${roomId}/messages`}?dir=b&limit=999999999`, { token: alice.token });
  assert.equal(huge.status, 200, huge.text);
  await refuses(400, "M_INVALID_PARAM", "GET", `${v3`rooms/${roomId}/messages`}?dir=b&limit=99999999999999999999`);
});

test("a request that is made many times at once takes effect once", async () => {
  const path = message();
  const body = { msgtype: "m.text", body: "concurrent" };
  const since = (await alice.sync()).next_batch;
  const answers = await Promise.all(Array.from({ length: 20 }, () => alice.call("PUT", path, body)));
  assert.deepEqual([...new Set(answers.map((a) => a.status))], [200], answers.find((a) => a.status !== 200)?.text);
  assert.equal(new Set(answers.map((a) => a.body.event_id)).size, 1);
  assert.equal(timeline(await alice.sync({ since }), roomId).length, 1);
});

test("of many concurrent requests for a user name or an alias one succeeds, and concurrent joins join once",
  async () => {
  const username = `race-${randomUUID().slice(0, 8)}`;
  const { body: session } = await raw(server, "POST", v3`register`, { body: { username, password: "passphrase" } });
  const auth = { type: "m.login.dummy", session: session.session };
  const registered = await Promise.all(
    Array.from(
    { length: 8 }, () => raw(server, "POST", v3`register`, { body: { username, password: "passphrase", auth } })));
  // One that is read after the first was answered is a repetition of it, and gets the same answer.
  const created = registered.filter((r) => r.status === 200).map((r) => r.text);
  assert.equal(new Set(created).size, 1, registered.map((r) => r.text).join("\n"));
  for (const lost of registered.filter((r) => r.status !== 200)) refusedWith(lost, 400, "M_USER_IN_USE");

  const alias = `race-${randomUUID().slice(0, 8)}`;
  const rooms = await Promise.all(
    Array.from({ length: 8 }, () => alice.call("POST", v3`createRoom`, { room_alias_name: alias })));
  assert.equal(rooms.filter((r) => r.status === 200).length, 1);
  for (const lost of rooms.filter((r) => r.status !== 200)) refusedWith(lost, 400, "M_ROOM_IN_USE");

  const bob = await User.register(server);
  const open = await alice.createsRoom({ preset: "public_chat" });
  const joins = await Promise.all(Array.from({ length: 8 }, () => bob.call("POST", v3`join/${open}`, {})));
  assert.ok(joins.every((j) => j.status === 200));
  const history = (await alice.messages(open))
    .chunk.filter((e) => e.type === "m.room.member" && e.state_key === bob.id);
  assert.equal(history.length, 1);
});

test("the error for an expired token is a soft logout", async () => {
  const login = await alice.call("POST", v3`login`, {
    type: "m.login.password", identifier: { type: "m.id.user", user: alice.id }, password: "password",
      refresh_token: true,
  });
  assert.ok(login.body.expires_in_ms > 0);
  assert.ok(login.body.expires_in_ms < 24 * 3600 * 1000, "the token expires");
});

test("browsers may send requests from any origin", async () => {
  const asked = await raw(
    server, "OPTIONS", v3`sync`,
    { headers: { origin: "https://app.example", "access-control-request-method": "GET" } });
  assert.ok(asked.status === 200 || asked.status === 204);
  assert.equal(asked.headers.get("access-control-allow-origin"), "*");
  for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS"]) assert.ok(
    asked.headers.get("access-control-allow-methods").includes(method));
  assert.match(asked.headers.get("access-control-allow-headers"), /Authorization/i);
  const refused = await raw(server, "GET", v3`sync`);
  assert.equal(refused.headers.get("access-control-allow-origin"), "*", "errors can be read too");
});

test("a taken port, a wrong setting and a second server on the same data end with one clear line and exit code 1",
  async () => {
  const run = resolve(fileURLToPath(import.meta.url), "../../../../run");
  const folder = mkdtempSync(join(tmpdir(), "matrix-e2e-"));
  const attempt = (settings) => spawnSync(run, ["--no-build"], {
    env: { ...process.env, MATRIX_SERVER_NAME: server.name, MATRIX_DATA_DIR: folder, ...settings },
    timeout: 20_000, encoding: "utf8",
  });
  try {
    for (const [what, settings] of [
      ["taken port", { MATRIX_LISTENERS__CLIENT: `127.0.0.1:${server.port}` }],
      ["wrong type",
        { MATRIX_RATE_LIMITS__ENABLED: "perhaps", MATRIX_LISTENERS__CLIENT: `127.0.0.1:${await freePort()}` }],
      ["missing database",
        { MATRIX_DATABASE__URL: "postgres://a:b@127.0.0.1:1/none",
        MATRIX_LISTENERS__CLIENT: `127.0.0.1:${await freePort()}` }],
      // With PostgreSQL the data is not in the folder.
      ...(server.database ? [] : [["same data",
        { MATRIX_DATA_DIR: join(server.folder, "data"), MATRIX_LISTENERS__CLIENT: `127.0.0.1:${await freePort()}` }]]),
    ]) {
      const { status, stderr } = attempt(settings);
      assert.equal(status, 1, `${what}: ${status} ${stderr}`);
      const lines = stderr.trim().split("\n").filter(Boolean);
      assert.equal(lines.length, 1, `${what}: ${stderr}`);
      assert.doesNotMatch(stderr, /^\s+at /m);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
