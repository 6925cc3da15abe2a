// Rooms of all versions between our server and one that shares no code with it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { raw, User, v3 } from "../support/client.mjs";
import { freePort } from "../support/ports.mjs";
import { Server } from "../support/server.mjs";
import { Peer } from "./peer.mjs";
import { idOf, versions } from "./pdu.mjs";
import { Authority } from "./tls.mjs";

const wanted = 5000;
const perRoom = Math.ceil(wanted / versions.length);
const patience = 15_000;
const club = {};
let authority, peer, server, alice, bob, carol;
let checked = 0;

before(async () => {
  authority = new Authority();
  peer = new Peer(authority, await freePort());
  await peer.start();
  const name = `127.0.0.1:${await freePort()}`;
  const { certificate, key } = authority.issue("server", "127.0.0.1");
  server = await Server.start({
    MATRIX_SERVER_NAME: name,
    MATRIX_LISTENERS__FEDERATION: name,
    MATRIX_TLS__CERTIFICATE: certificate,
    MATRIX_TLS__KEY: key,
    MATRIX_FEDERATION__CUSTOM_CA: authority.file,
    MATRIX_FEDERATION__ALLOW_NETWORKS: "127.0.0.0/8",
  });
  await peer.fetchKeys(name);
  alice = await User.register(server, "alice");
  bob = await User.register(server, "bob");
  carol = await User.register(server, "carol");
});

after(async () => {
  await server?.dispose();
  await peer?.dispose();
  authority?.dispose();
});

async function until(holds, what) {
  for (const start = Date.now(); !(await holds()); await sleep(20)) {
    assert.ok(Date.now() - start < patience, `waited ${patience} ms for ${what()}`);
  }
}

/** What the users of our server do; the ids of the events. */
async function lively(roomId, version) {
  const ids = [];
  const note = (id) => (ids.push(id), id);
  const state = async (type, stateKey, content) => note(await alice.sets(roomId, type, stateKey, content));
  const member = (path, user, body = {}) => user.post(`${v3`rooms/${roomId}/`}${path}`, body);

  for (const [type, content] of [
    ["m.room.name", { name: "Küche \u{1F373} \u2028 \"quoted\" \\ \b\f\n\r\t\u0001\u007f" }],
    ["m.room.topic", { topic: "", "\uFFFD": 1, "\u{10000}": 2, "": 3, nested: { b: [null, true, -0, 1e3], a: {} } }],
    ["m.room.avatar", { url: "mxc://example.org/a", info: { w: 1, h: 9007199254740991 } }],
    ["m.room.history_visibility", { history_visibility: "joined" }],
    ["m.room.guest_access", { guest_access: "forbidden" }],
    ["m.room.encryption", { algorithm: "m.megolm.v1.aes-sha2" }],
    ["m.room.pinned_events", { pinned: [] }],
    ["m.room.server_acl", { allow: ["*"], deny: ["*.example.org"], allow_ip_literals: true }],
    ["m.room.aliases", { aliases: [] }],
    ["m.room.canonical_alias", {}],
    ["org.example.state", { creator: "x", ban: 1, users: {}, membership: "join", allow: [], redacts: "$x" }],
  ]) await state(type, type === "m.room.aliases" ? server.name : "", content);
  await state("m.room.third_party_invite", "token", {
    display_name: "d", key_validity_url: "https://example.org", public_key: "x", public_keys: [] });

  // Membership: invite, leave, kick, ban, unban, join, profile, knock, restricted join.
  await member("invite", alice, { user_id: bob.id });
  await member("leave", bob);
  await member("join", bob);
  await member("kick", alice, { user_id: bob.id });
  await member("ban", alice, { user_id: bob.id, reason: "noise" });
  await member("unban", alice, { user_id: bob.id });
  if (Number(version) >= 7) {
    await state("m.room.join_rules", "", { join_rule: "knock" });
    await bob.post(v3`knock/${roomId}`);
    await member("invite", alice, { user_id: bob.id });
  }
  await member("join", bob);
  if (Number(version) >= 8) {
    await state("m.room.join_rules", "", {
      join_rule: "restricted", allow: [{ type: "m.room_membership", room_id: club.id }] });
    await member("join", carol);
    const { join_authorised_via_users_server: by } = await alice.state(roomId, "m.room.member", carol.id);
    assert.equal(by, alice.id);
  }
  const levels = await alice.state(roomId, "m.room.power_levels");
  await state("m.room.power_levels", "", { ...levels, users: { ...levels.users, [peer.userId("peter")]: 100 } });

  while (ids.length < perRoom) {
    const turn = ids.length;
    const said = note(await [alice, bob][turn % 2].sends(roomId, `message ${turn}`));
    if (turn % 5 === 0) note((await alice.put(v3`rooms/${roomId}/redact/${said}/${turn}`, { reason: "r" })).event_id);
    if (turn % 7 === 0) await state("org.example.counter", String(turn % 3), { count: turn });
    if (turn % 11 === 0) {
      note(await bob.sends(roomId, { "m.relates_to": { rel_type: "m.annotation", event_id: said, key: "\u{1F44D}" } },
        { type: "m.reaction" }));
    }
  }
  await until(
    () => ids.every((id) => peer.rooms.get(roomId).after.has(id)),
    () => `${ids.filter((id) => !peer.rooms.get(roomId).after.has(id)).length} events at the peer`);
}

/** Alice sees these events, oldest first. */
async function sees(roomId, events) {
  const ids = events.map((event) => idOf(peer.rooms.get(roomId).version, event));
  let seen = [];
  await until(async () => {
    const { chunk } = await alice.messages(roomId, "dir=b&limit=100");
    seen = chunk.map((event) => event.event_id).reverse().filter((id) => ids.includes(id));
    return seen.length === ids.length;
  }, () => `${ids.length - seen.length} of the peer's events`);
  assert.deepEqual(seen, ids);
}

describe("a server that shares no code", { concurrency: false }, () => {
  before(async () => {
    club.id = await alice.createsRoom({ preset: "public_chat" });
    await carol.joins(club.id);
  });

  for (const version of versions) {
    test(`version ${version}: it checks what our server makes, and our server takes what it makes`, async () => {
      const peter = peer.userId("peter");
      const roomId = await alice.createsRoom({ preset: "public_chat", room_version: version });
      const room = await peer.join(server.name, roomId, peter);
      await lively(roomId, version);
      assert.deepEqual(room.problems, []);
      assert.deepEqual(peer.problems, []);
      checked += room.checked;

      const said = room.make(peter, "m.room.message", { msgtype: "m.text", body: "from there \u{10FFFF}" });
      const topic = room.make(peter, "m.room.topic", { topic: "theirs" }, { stateKey: "" });
      const redacts = idOf(version, said);
      const redaction = Number(version) >= 11
        ? room.make(peter, "m.room.redaction", { redacts })
        : room.make(peter, "m.room.redaction", {}, { extra: { redacts } });
      const named = room.make(peter, "m.room.member", { membership: "join", displayname: "P" }, { stateKey: peter });
      await peer.send(server.name, said, topic, redaction, named);
      await sees(roomId, [said, topic, redaction, named]);
      assert.deepEqual(await alice.state(roomId, "m.room.topic"), { topic: "theirs" });
      const { content } = await alice.get(v3`rooms/${roomId}/event/${redacts}`);
      assert.deepEqual(content, {});

      // Only the last of these is sent: the server asks for the others.
      const missing = Array.from({ length: 15 }, (_, i) =>
        room.make(peter, "m.room.message", { msgtype: "m.text", body: `missing ${i}` }));
      await peer.send(server.name, missing.at(-1));
      await sees(roomId, missing);
      assert.ok(peer.requests.includes("get_missing_events"));
    });

    test(`version ${version}: our server joins its room and fetches the history`, async () => {
      const peter = peer.userId("peter");
      const room = peer.create(version, peter);
      const before = Array.from({ length: 30 }, (_, i) =>
        room.make(peter, "m.room.message", { msgtype: "m.text", body: `before ${i}` }));
      peer.requests.length = 0;
      const path = `${v3`join/${room.roomId}`}?server_name=${encodeURIComponent(peer.name)}`
        + `&via=${encodeURIComponent(peer.name)}`;
      const joined = await raw(server, "POST", path, { token: alice.token, body: {} });
      assert.equal(joined.status, 200, joined.text);
      await sees(room.roomId, before);
      assert.ok(peer.requests.includes("backfill"));
      await alice.sends(room.roomId, "thanks");
      await until(() => room.checked >= 2, () => "the join and the message");
      assert.deepEqual(room.problems, []);
      checked += room.checked;
    });
  }

  test(`${wanted} events were checked`, () => assert.ok(checked >= wanted, `${checked} events`));
});
