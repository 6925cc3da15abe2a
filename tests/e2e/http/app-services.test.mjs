// Application services: a bridge with its registration file, as an operator sets it up.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, call, refusedWith, v1, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

const token = "the-as-token";
let server, alice, bridge, folder;
const got = [];
let waiting = [];

before(async () => {
  bridge = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    got.push({ path: request.url, authorization: request.headers.authorization, body: text && JSON.parse(text) });
    response.setHeader("content-type", "application/json");
    response.end("{}");
    waiting.forEach((wake) => wake());
  });
  await new Promise((listening) => bridge.listen(0, "127.0.0.1", listening));
  folder = mkdtempSync(join(tmpdir(), "matrix-bridge-"));
  writeFileSync(join(folder, "bridge.yaml"), `
id: bridge
url: "http://127.0.0.1:${bridge.address().port}"
as_token: ${token}
hs_token: the-hs-token
sender_localpart: _bridge
rate_limited: false
receive_ephemeral: true
namespaces:
  users: [{ exclusive: true, regex: "@_irc_.*" }]
  aliases: [{ exclusive: true, regex: "#_irc_.*" }]
  rooms: []
`);
  server = await Server.start({ MATRIX_APP_SERVICES__FILES: folder });
  alice = await User.register(server, "alice");
});
after(async () => {
  await server?.dispose();
  bridge?.close();
  if (folder) rmSync(folder, { recursive: true });
});

async function until(found) {
  for (;;) {
    const one = got.map((each) => each.body?.events?.find(found)).find(Boolean);
    if (one) return one;
    await new Promise((wake) => waiting.push(wake));
    waiting = [];
  }
}

test("a ghost is registered, joins, and its service gets the room's messages", async () => {
  const registered = await call(server, "POST", v3`register`,
    { token, body: { type: "m.login.application_service", username: "_irc_ghost", inhibit_login: true } });
  assert.equal(registered.status, 200, registered.text);
  const ghost = registered.body.user_id;
  const room = (await alice.post(v3`createRoom`, { preset: "public_chat" })).room_id;
  const joined = await call(server, "POST", v3`join/${room}` + `?user_id=${encodeURIComponent(ghost)}`,
    { token, body: {} });
  assert.equal(joined.status, 200, joined.text);

  await alice.put(v3`rooms/${room}/send/m.room.message/1`, { msgtype: "m.text", body: "to the bridge" });

  const event = await until((each) => each.content?.body === "to the bridge");
  assert.equal(event.room_id, room);
  assert.ok(got.every((each) => each.authorization === "Bearer the-hs-token"));
});

test("a ping goes to the service and back", async () => {
  const pinged = await call(server, "POST", v1`appservice/bridge/ping`, { token, body: { transaction_id: "meow" } });
  assert.equal(pinged.status, 200, pinged.text);
  assert.ok(pinged.body.duration_ms >= 0);
  assert.ok(got.some((each) => each.path === "/_matrix/app/v1/ping" && each.body.transaction_id === "meow"));
  refusedWith(await call(server, "POST", v1`appservice/bridge/ping`, { token: alice.token, body: {} }),
    403, "M_FORBIDDEN");
});

test("a service keeps the directory of its network", async () => {
  const room = (await alice.post(v3`createRoom`, {})).room_id;
  const path = v3`directory/list/appservice/irc/${room}`;
  const published = await call(server, "PUT", path, { token, body: { visibility: "public" } });
  assert.equal(published.status, 200, published.text);
  refusedWith(await call(server, "PUT", path, { token: alice.token, body: { visibility: "public" } }),
    403, "M_FORBIDDEN");
});
