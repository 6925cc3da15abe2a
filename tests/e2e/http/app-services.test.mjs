// Application services: a bridge with its registration file, as an operator sets it up.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, call, refusedWith, v1, v3 } from "../support/client.mjs";
import { recordingSent } from "../support/findings.mjs";
import { Server } from "../support/server.mjs";

const token = "the-as-token";
let server, alice, bridge, folder;
const got = [];
let waiting = [];

const network = {
  protocol: { user_fields: ["nick"], location_fields: ["channel"], icon: "mxc://hybrid.test/irc", field_types: {
    nick: { regexp: "[^ ]+", placeholder: "nick" }, channel: { regexp: "#[^ ]+", placeholder: "#room" } },
    instances: [{ network_id: "net", desc: "A network", fields: { network: "net" } }] },
  location: { alias: "#_irc_room:hybrid.test", protocol: "irc", fields: { channel: "#room" } },
  user: { userid: "@_irc_ghost:hybrid.test", protocol: "irc", fields: { nick: "ghost" } },
};
const knows = ({ path }) => decodeURIComponent(path).match(/irc_room|irc_ghost|channel=#room|nick=ghost/);

/** What the bridge answers: its status and body; null for never. */
let answer = serves;

function serves(request) {
  const thirdParty = request.path.match(/\/_matrix\/app\/v1\/thirdparty\/(\w+)/)?.[1];
  if (!thirdParty) return [200, {}];
  if (thirdParty === "protocol") return [200, network.protocol];
  return knows(request) ? [200, [network[thirdParty]]] : [404, { errcode: "ORG.EXAMPLE_NOT_FOUND" }];
}

before(async () => {
  bridge = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const one = { path: request.url, authorization: request.headers.authorization, body: text && JSON.parse(text) };
    got.push(one);
    const [status, body] = answer(one) ?? [];
    if (status !== undefined) {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    }

    waiting.forEach((wake) => wake());
  });
  recordingSent(bridge);
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
protocols: [irc]
namespaces:
  users: [{ exclusive: true, regex: "@_irc_.*" }]
  aliases: [{ exclusive: true, regex: "#_irc_.*" }]
  rooms: []
`);
  for (const [id, url] of [["gone", "http://127.0.0.1:1"], ["silent", null]])
    writeFileSync(join(folder, `${id}.yaml`), `
id: ${id}
url: ${url}
as_token: ${id}-token
hs_token: ${id}-hs-token
sender_localpart: _${id}
namespaces: { users: [], aliases: [], rooms: [] }
`);
  server = await Server.start({ MATRIX_APP_SERVICES__FILES: folder, MATRIX_APP_SERVICES__QUERY_TIME: "1s" });
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

test("a ping says why it failed", async () => {
  const ping = (id, by) => call(server, "POST", v1`appservice/${id}/ping`, { token: by, body: {} });
  const refusing = ({ path }) => path.endsWith("/ping") ? [401, { errcode: "M_UNKNOWN_TOKEN" }] : [200, {}];
  try {
    answer = refusing;
    const refused = await ping("bridge", token);
    refusedWith(refused, 502, "M_BAD_STATUS");
    assert.equal(refused.body.status, 401);
    assert.equal(refused.body.body, JSON.stringify({ errcode: "M_UNKNOWN_TOKEN" }));
    answer = ({ path }) => path.endsWith("/ping") ? null : [200, {}];
    refusedWith(await ping("bridge", token), 504, "M_CONNECTION_TIMEOUT");
  } finally {
    answer = serves;
  }
  refusedWith(await ping("gone", "gone-token"), 502, "M_CONNECTION_FAILED");
  refusedWith(await ping("silent", "silent-token"), 400, "M_URL_NOT_SET");
});

test("a service acts as its own users only, and only as those that it has registered", async () => {
  for (const user of ["@_irc_unregistered:hybrid.test", alice.id]) refusedWith(
    await call(server, "GET", `${v3`account/whoami`}?user_id=${encodeURIComponent(user)}`, { token }),
    403, "M_FORBIDDEN");
});

test("a network's protocol, rooms and users are found through its service", async () => {
  const [instance] = network.protocol.instances;
  const protocol = { ...network.protocol, instances: [{ ...instance, instance_id: "bridge|net" }] };
  assert.deepEqual(await alice.get(v3`thirdparty/protocols`), { irc: protocol });
  assert.deepEqual(await alice.get(v3`thirdparty/protocol/irc`), protocol);
  const found = (kind, query) => alice.get(`${v3`thirdparty/`}${kind}?${query}`);
  assert.deepEqual(await found("location/irc", "channel=%23room"), [network.location]);
  assert.deepEqual(await found("location", "alias=%23_irc_room%3Ahybrid.test"), [network.location]);
  assert.deepEqual(await found("user/irc", "nick=ghost"), [network.user]);
  assert.deepEqual(await found("user", "userid=%40_irc_ghost%3Ahybrid.test"), [network.user]);
  const missing = (path) => alice.refused(404, "M_NOT_FOUND", "GET", path);
  await missing(v3`thirdparty/protocol/xmpp`);
  await missing(`${v3`thirdparty/location/irc`}?channel=none`);
  await missing(`${v3`thirdparty/user/irc`}?nick=none`);
  await missing(`${v3`thirdparty/location`}?alias=%23none%3Ahybrid.test`);
  await missing(`${v3`thirdparty/user`}?userid=%40none%3Ahybrid.test`);
});

test("a service keeps the directory of its network", async () => {
  const room = (await alice.post(v3`createRoom`, {})).room_id;
  const path = v3`directory/list/appservice/irc/${room}`;
  const published = await call(server, "PUT", path, { token, body: { visibility: "public" } });
  assert.equal(published.status, 200, published.text);
  refusedWith(await call(server, "PUT", path, { token: alice.token, body: { visibility: "public" } }),
    403, "M_FORBIDDEN");
});
