// A phone that is notified through a push gateway, set up with the SDK.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { after, before, test } from "node:test";
import { Authority } from "../peer/tls.mjs";
import { recordingSent } from "../support/findings.mjs";
import { Server } from "../support/server.mjs";
import { Person, until } from "./person.mjs";

let server, alice, bob, gateway, roomId, last;
const authority = new Authority();
const pushes = [];
before(async () => {
  const { certificate, key } = authority.issue("gateway", "127.0.0.1");
  gateway = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    pushes.push({ path: request.url, ...JSON.parse(text).notification });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ rejected: [] }));
  });
  recordingSent(gateway);
  await new Promise((listening) => gateway.listen(0, "127.0.0.1", listening));
  server = await Server.start(
    { MATRIX_PUSH__ALLOW_NETWORKS: "127.0.0.0/8", MATRIX_FEDERATION__CUSTOM_CA: authority.file });
  [alice, bob] = await Promise.all(["alice", "bob"].map((name) => Person.registers(server, name, { crypto: false })));
  await alice.client.setDisplayName("Alice");
  roomId = (await alice.client.createRoom({ preset: "public_chat", name: "Kitchen" })).room_id;
  await bob.client.joinRoom(roomId);
  await Promise.all([alice.sees(roomId), bob.sees(roomId)]);
});
after(async () => {
  [alice, bob].forEach((person) => person?.stops());
  await server?.dispose();
  gateway?.close();
  authority.dispose();
});

const pusher = (pushkey, data = {}) => ({
  kind: "http", app_id: "org.example.phone", pushkey,
  app_display_name: "Chat", device_display_name: "Phone", lang: "en",
  data: { url: `https://127.0.0.1:${gateway.address().port}/_matrix/push/v1/notify`, ...data },
});
const pushed = (pushkey, fits) =>
  until(`a push to ${pushkey}`, () => pushes.find((one) => one.devices[0].pushkey === pushkey && fits(one)));

test("a message is pushed whole, with its sender, the room's name and the badge", async () => {
  await bob.client.setPusher(pusher("whole"));
  assert.deepEqual((await bob.client.getPushers()).pushers.map((one) => one.pushkey), ["whole"]);
  const id = await alice.mentions(bob, roomId, "dinner");
  const got = await pushed("whole", (one) => one.event_id === id);
  assert.equal(got.path, "/_matrix/push/v1/notify");
  assert.deepEqual(
    [got.room_id, got.type, got.sender, got.sender_display_name, got.room_name, got.content.body, got.counts.unread],
    [roomId, "m.room.message", alice.id, "Alice", "Kitchen", "dinner", 1]);
  const { app_id: app, tweaks } = got.devices[0];
  assert.equal(app, "org.example.phone");
  assert.equal(tweaks.highlight, true);
});

test("another device asks for the event's id only", async () => {
  await bob.client.setPusher(pusher("id", { format: "event_id_only" }));
  last = await alice.sends(roomId, "come to the table");
  const got = await pushed("id", (one) => one.event_id === last);
  assert.deepEqual([got.room_id, got.counts.unread], [roomId, 1]);
  for (const left of ["content", "sender", "type", "room_name", "sender_display_name"]) assert.ok(!(left in got), left);
  await pushed("whole", (one) => one.event_id === last);
  await bob.gets(roomId, last);
});

test("reading takes the badge away, and a muted room and an own message push nothing", async () => {
  await bob.client.sendReadReceipt(bob.event(roomId, last));
  await pushed("whole", (one) => one.event_id === undefined && one.counts.unread === 0);
  await pushed("id", (one) => one.event_id === undefined && one.counts.unread === 0);
  await bob.sends(roomId, "on my way");
  await bob.client.setRoomMutePushRule("global", roomId, true);
  await alice.sends(roomId, "quietly");
  await bob.client.setRoomMutePushRule("global", roomId, false);
  const loud = await alice.sends(roomId, "loudly");
  await pushed("whole", (one) => one.event_id === loud);
  const bodies = pushes.filter((one) => one.content).map((one) => one.content.body);
  assert.deepEqual(bodies.slice(-2), ["come to the table", "loudly"]);
});

test("a pusher that was removed is not pushed to", async () => {
  await bob.client.removePusher("whole", "org.example.phone");
  const before = pushes.filter((one) => one.devices[0].pushkey === "whole").length;
  const id = await alice.sends(roomId, "for one device only");
  await pushed("id", (one) => one.event_id === id);
  assert.equal(pushes.filter((one) => one.devices[0].pushkey === "whole").length, before);
});
