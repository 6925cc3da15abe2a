// Sync, with receipts, read markers, typing, unread counts and to-device messages.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { User, stateOf, timeline, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice, bob;
before(async () => {
  server = await Server.start();
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
});
after(() => server?.dispose());

/** All receipts of a room in a response, whether they came in one event or in several. */
function receiptsIn(response, roomId) {
  const all = {};
  for (const { type, content } of response.rooms?.join?.[roomId]?.ephemeral?.events ?? []) {
    if (type !== "m.receipt") continue;
    for (const [eventId, byType] of Object.entries(content)) {
      for (const [kind, users] of Object.entries(byType)) Object.assign(((all[eventId] ??= {})[kind] ??= {}), users);
    }
  }
  return all;
}

async function room(...guests) {
  const roomId = await alice.createsRoom({ preset: "public_chat" });
  for (const guest of guests) await guest.joins(roomId);
  return roomId;
}

test("the first sync has the whole state and the latest messages, the next one only new events, once", async () => {
  const roomId = await room();
  for (let i = 0; i < 30; i++) await alice.sends(roomId, `m${i}`);
  const first = await alice.sync();
  const joined = first.rooms.join[roomId];
  assert.equal(joined.timeline.limited, true);
  assert.ok(joined.timeline.prev_batch);
  const types = joined.state.events.map((e) => e.type);
  for (const type of ["m.room.create", "m.room.power_levels", "m.room.join_rules", "m.room.member"]) assert.ok(
    types.includes(type), type);
  const id = await alice.sends(roomId, "new");
  const second = await alice.sync({ since: first.next_batch });
  assert.deepEqual(timeline(second, roomId).map((e) => e.event_id), [id]);
  assert.deepEqual(stateOf(second, roomId), []);
  const third = await alice.sync({ since: second.next_batch });
  assert.equal(third.rooms?.join?.[roomId], undefined);
});

test("a waiting sync answers as soon as a message comes, and in time when none does", async () => {
  const roomId = await room(bob);
  // Presence would answer sooner.
  const filter = { presence: { not_types: ["m.presence"] } };
  const since = (await bob.sync({ filter })).next_batch;
  const waiting = bob.sync({ since, filter, timeout: 20_000 });
  const started = Date.now();
  const id = await alice.sends(roomId, "wake up");
  assert.deepEqual(timeline(await waiting, roomId).map((e) => e.event_id), [id]);
  assert.ok(Date.now() - started < 15_000);
  const quiet = (await bob.sync({ since, filter })).next_batch;
  const begin = Date.now();
  await bob.sync({ since: quiet, filter, timeout: 700 });
  const took = Date.now() - begin;
  assert.ok(took >= 600 && took < 15_000, `waited ${took} ms`);
});

test("a limited timeline has the state that changed in the gap", async () => {
  const roomId = await room(bob);
  const since = (await bob.sync()).next_batch;
  await alice.sets(roomId, "m.room.topic", "", { topic: "in the gap" });
  for (let i = 0; i < 15; i++) await alice.sends(roomId, `m${i}`);
  const filter = { room: { timeline: { limit: 5 } } };
  const joined = (await bob.sync({ since, filter })).rooms.join[roomId];
  assert.equal(joined.timeline.limited, true);
  assert.equal(joined.timeline.events.length, 5);
  assert.deepEqual(joined.state.events.map((e) => e.content.topic), ["in the gap"]);
});

test("state_after is the state at the end of the timeline, instead of the one before it", async () => {
  const roomId = await room(bob);
  const since = (await bob.sync()).next_batch;
  await alice.sets(roomId, "m.room.topic", "", { topic: "after" });
  const joined = (await bob.sync({ since, use_state_after: true })).rooms.join[roomId];
  assert.equal(joined.state, undefined);
  assert.deepEqual(joined.state_after.events.map((e) => e.content.topic), ["after"]);
});

test("full_state sends all state again", async () => {
  const roomId = await room();
  const since = (await alice.sync()).next_batch;
  const joined = (await alice.sync({ since, full_state: true })).rooms.join[roomId];
  assert.ok(joined.state.events.some((e) => e.type === "m.room.create"));
});

test("lazy-loaded members are the senders, and the heroes in a room without a name", async () => {
  const roomId = await room(bob);
  await alice.sets(roomId, "m.room.name", "", { name: "Named" });
  const guests = await Promise.all(Array.from({ length: 4 }, () => User.register(server)));
  for (const guest of guests) await guest.joins(roomId);
  for (let i = 0; i < 12; i++) await bob.sends(roomId, `m${i}`);
  const filter = { room: { timeline: { limit: 5 }, state: { lazy_load_members: true } } };
  const first = await alice.sync({ filter });
  const members = (response) => stateOf(response, roomId).filter((e) => e.type === "m.room.member")
    .map((e) => e.state_key).sort();
  assert.deepEqual(members(first), [alice.id, bob.id].sort());
  assert.equal(first.rooms.join[roomId].summary["m.joined_member_count"], 6);
  await guests[0].sends(roomId, "me too");
  const next = await alice.sync({ filter, since: first.next_batch });
  assert.deepEqual(members(next), [guests[0].id]);

  await alice.sets(roomId, "m.room.name", "", { name: "" });
  const nameless = await alice.sync({ filter });
  const heroes = nameless.rooms.join[roomId].summary["m.heroes"];
  assert.equal(heroes.length, 5);
  assert.deepEqual(
    heroes.filter((id) => !members(nameless).includes(id)), [], "heroes are members that the client knows");
});

test("filters choose rooms, types, senders and fields", async () => {
  const [one, two] = [await room(bob), await room(bob)];
  const since = (await alice.sync()).next_batch;
  await alice.sends(one, "from alice");
  await bob.sends(one, "from bob");
  await bob.sends(one, { x: 1 }, { type: "org.example.other" });
  await bob.sends(two, "elsewhere");
  const seen = async (timelineFilter, more = {}) => {
    const response = await alice.sync({ since, filter: { room: { timeline: timelineFilter, ...more } } });
    return Object.keys(response.rooms?.join ?? {})
      .flatMap((id) => timeline(response, id).map((e) => e.content.body ?? e.type)).sort();
  };
  assert.deepEqual(await seen({ not_senders: [bob.id] }), ["from alice"]);
  assert.deepEqual(await seen({ types: ["org.example.*"] }), ["org.example.other"]);
  assert.deepEqual(await seen({ not_types: ["m.*"] }), ["org.example.other"]);
  assert.deepEqual(await seen({}, { rooms: [two] }), ["elsewhere"]);
  assert.deepEqual(await seen({}, { not_rooms: [one] }), ["elsewhere"]);
  const { filter_id: id } = await alice.post(
    v3`user/${alice.id}/filter`, { room: { timeline: { types: ["org.example.*"] } } });
  assert.equal(timeline(await alice.sync({ since, filter: id }), one).length, 1, "a filter by its id");
  await alice.refused(
    400, ["M_INVALID_PARAM", "M_BAD_JSON", "M_NOT_JSON"], "GET",
    `${v3`sync`}?filter=${encodeURIComponent("{not json")}`);
  await alice.refused(400, ["M_INVALID_PARAM", "M_UNKNOWN"], "GET", `${v3`sync`}?since=nonsense`);
});

test("leaving, being kicked and being banned show in sync as leave, and nothing after", async () => {
  for (const how of ["leave", "kick", "ban"]) {
    const roomId = await room(bob);
    const since = (await bob.sync()).next_batch;
    if (how === "leave") await bob.post(v3`rooms/${roomId}/leave`);
    else await alice.post(v3`rooms/${roomId}/${how}`, { user_id: bob.id });
    await alice.sends(roomId, "behind his back");
    const response = await bob.sync({ since });
    const left = response.rooms.leave[roomId];
    assert.equal(left.timeline.events.at(-1).content.membership, how === "ban" ? "ban" : "leave");
    assert.ok(!JSON.stringify(response).includes("behind his back"), how);
    assert.equal((await bob.sync({ since: response.next_batch })).rooms?.leave?.[roomId], undefined);
  }
});

test("receipts are public, private or threaded, and reach the right users", async () => {
  const roomId = await room(bob);
  const root = await alice.sends(roomId, "read me");
  const inThread = await alice.sends(
    roomId, { msgtype: "m.text", body: "t", "m.relates_to": { rel_type: "m.thread", event_id: root } });
  const [sinceAlice, sinceBob] = [(await alice.sync()).next_batch, (await bob.sync()).next_batch];
  await bob.post(v3`rooms/${roomId}/receipt/m.read/${root}`, { thread_id: "main" });
  await bob.post(v3`rooms/${roomId}/receipt/m.read.private/${inThread}`, { thread_id: root });
  const receipts = (response) => receiptsIn(response, roomId);
  const seen = receipts(await alice.sync({ since: sinceAlice }));
  assert.equal(seen[root]["m.read"][bob.id].thread_id, "main");
  assert.equal(seen[inThread], undefined, "a private receipt is its owner's");
  assert.equal(receipts(await bob.sync({ since: sinceBob }))[inThread]["m.read.private"][bob.id].thread_id, root);
  await bob.refused(400, "M_INVALID_PARAM", "POST", v3`rooms/${roomId}/receipt/m.read/${root}`, { thread_id: "" });
  await bob.refused(
    400, ["M_INVALID_PARAM", "M_BAD_JSON"], "POST", v3`rooms/${roomId}/receipt/m.read/${root}`, { thread_id: 5 });
  await bob.refused(400, "M_INVALID_PARAM", "POST", v3`rooms/${roomId}/receipt/org.example.unheard/${root}`, {});
  await bob.refused(
    400, "M_INVALID_PARAM", "POST", v3`rooms/${roomId}/receipt/m.fully_read/${root}`, { thread_id: root });
});

test("read markers move the fully-read event and the receipts at once", async () => {
  const roomId = await room(bob);
  const id = await alice.sends(roomId, "up to here");
  const since = (await bob.sync()).next_batch;
  await bob.post(v3`rooms/${roomId}/read_markers`, { "m.fully_read": id, "m.read": id, "m.read.private": id });
  const response = await bob.sync({ since });
  const joined = response.rooms.join[roomId];
  assert.equal(joined.account_data.events.find((e) => e.type === "m.fully_read").content.event_id, id);
  assert.ok(receiptsIn(response, roomId)[id]["m.read"][bob.id]);
});

test("unread counts rise with messages, highlights with a name, and both end with a receipt", async () => {
  const roomId = await room(bob);
  const counts = async () => (await bob.sync()).rooms.join[roomId].unread_notifications;
  const start = await alice.sends(roomId, "one");
  await bob.post(v3`rooms/${roomId}/receipt/m.read/${start}`);
  assert.deepEqual(await counts(), { notification_count: 0, highlight_count: 0 });
  await alice.sends(roomId, "two");
  const named = await alice.sends(
    roomId, { msgtype: "m.text", body: "you there?", "m.mentions": { user_ids: [bob.id] } });
  assert.deepEqual(await counts(), { notification_count: 2, highlight_count: 1 });
  await bob.post(v3`rooms/${roomId}/receipt/m.read/${named}`);
  assert.deepEqual(await counts(), { notification_count: 0, highlight_count: 0 });
  await bob.sends(roomId, "my own");
  assert.deepEqual(await counts(), { notification_count: 0, highlight_count: 0 });
});

test("threads are counted separately if requested", async () => {
  const roomId = await room(bob);
  const root = await alice.sends(roomId, "root");
  await bob.post(v3`rooms/${roomId}/receipt/m.read/${root}`);
  await alice.sends(roomId, { msgtype: "m.text", body: "t", "m.relates_to": { rel_type: "m.thread", event_id: root } });
  const filter = { room: { timeline: { unread_thread_notifications: true } } };
  const joined = (await bob.sync({ filter })).rooms.join[roomId];
  assert.equal(joined.unread_notifications.notification_count, 0);
  assert.equal(joined.unread_thread_notifications[root].notification_count, 1);
});

test("typing is shown until its timeout, and users can set only their own", async () => {
  const roomId = await room(bob);
  const since = (await alice.sync()).next_batch;
  await bob.put(v3`rooms/${roomId}/typing/${bob.id}`, { typing: true, timeout: 8000 });
  const typing = (response) =>
    response.rooms?.join?.[roomId]?.ephemeral?.events?.find((e) => e.type === "m.typing")?.content.user_ids;
  const seen = await alice.syncUntil(since, (r) => typing(r)?.includes(bob.id));
  await alice.syncUntil(seen.next_batch, (r) => typing(r)?.length === 0);
  await bob.refused(403, "M_FORBIDDEN", "PUT", v3`rooms/${roomId}/typing/${alice.id}`, { typing: true });
});

test("presence is shown to those who share a room, with its message", async () => {
  const roomId = await room(bob);
  const since = (await alice.sync()).next_batch;
  await bob.put(v3`presence/${bob.id}/status`, { presence: "unavailable", status_msg: "at lunch" });
  const of = (response) => response.presence?.events?.filter((e) => e.sender === bob.id).at(-1)?.content;
  const seen = await alice.syncUntil(since, (r) => of(r)?.presence === "unavailable");
  assert.equal(of(seen).status_msg, "at lunch");
  assert.equal((await alice.get(v3`presence/${bob.id}/status`)).status_msg, "at lunch");
  await bob.sends(roomId, "back");
  await alice.syncUntil(seen.next_batch, (r) => of(r)?.presence === "online");
  await bob.refused(403, "M_FORBIDDEN", "PUT", v3`presence/${alice.id}/status`, { presence: "online" });
});

test("a to-device message waits for its device, comes again until the next token, and then never", async () => {
  const phone = await bob.again();
  const txn = randomUUID();
  const messages = { [bob.id]: { [phone.deviceId]: { n: 1 } } };
  const since = (await phone.sync()).next_batch;
  await alice.put(v3`sendToDevice/org.example.ping/${txn}`, { messages });
  await alice.put(v3`sendToDevice/org.example.ping/${txn}`, { messages });
  const first = await phone.sync({ since });
  assert.deepEqual(first.to_device.events, [{ type: "org.example.ping", sender: alice.id, content: { n: 1 } }]);
  assert.equal((await phone.sync({ since })).to_device.events.length, 1, "the answer may have been lost");
  assert.equal((await phone.sync({ since: first.next_batch })).to_device?.events?.length ?? 0, 0);
  await alice.put(v3`sendToDevice/org.example.ping/${randomUUID()}`, { messages: { [bob.id]: { "*": { n: 2 } } } });
  assert.equal((await phone.sync({ since: first.next_batch })).to_device.events[0].content.n, 2);
  assert.equal((await bob.sync()).to_device.events[0].content.n, 2);
});

test("a token survives a restart of the server, and nothing is lost or returned twice", async () => {
  const roomId = await room(bob);
  const since = (await bob.sync()).next_batch;
  const before = await alice.sends(roomId, "before");
  await server.restart();
  const later = await alice.sends(roomId, "after");
  const response = await bob.sync({ since });
  assert.deepEqual(timeline(response, roomId).map((e) => e.event_id), [before, later]);
  assert.deepEqual(timeline(await bob.sync({ since: response.next_batch }), roomId), []);
});
