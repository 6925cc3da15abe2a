// Events: sending, reading, relations, redaction.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { User, timeline, v1, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice, bob, roomId;
before(async () => {
  server = await Server.start();
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
  roomId = await alice.createsRoom({ preset: "public_chat" });
  await bob.joins(roomId);
});
after(() => server?.dispose());

const event = (id, reader = alice) => reader.get(v3`rooms/${roomId}/event/${id}`);
const relating = (type, eventId, key) =>
  ({ "m.relates_to": { rel_type: type, event_id: eventId, ...(key ? { key } : {}) } });

test("a message is read back as it was sent, emoji, newlines, control characters and all", async () => {
  const body = "héllo 🎉\n\"quoted\" \\ \u0001 \u007f \u2028 \ue000 𐀀";
  const id = await alice.sends(roomId, body);
  const read = await event(id, bob);
  assert.deepEqual(
    [read.content, read.sender, read.type, read.room_id],
    [{ msgtype: "m.text", body }, alice.id, "m.room.message", roomId]);
  assert.ok(Math.abs(read.origin_server_ts - Date.now()) < 60_000);
});

test("a transaction id sends once per device, and the device sees its id in sync", async () => {
  const txnId = randomUUID();
  const { next_batch: since } = await alice.sync();
  const first = await alice.sends(roomId, "once", { txnId });
  assert.equal(await alice.sends(roomId, "once", { txnId }), first);
  assert.equal(await alice.sends(roomId, "something else", { txnId }), first, "the id decides, not the body");
  const sent = timeline(await alice.sync({ since }), roomId).filter((e) => e.content.body === "once");
  assert.equal(sent.length, 1);
  assert.equal(sent[0].unsigned.transaction_id, txnId);
  const other = await alice.again();
  assert.notEqual(await other.sends(roomId, "once", { txnId }), first, "another device has ids of its own");
  assert.equal(
    (await event(first, bob)).unsigned?.transaction_id, undefined, "other users do not see the transaction id");
});

test("state is set, replaced, read one by one and all together", async () => {
  const one = await alice.sets(roomId, "org.example.thing", "key with / and ü", { a: 1 });
  assert.deepEqual(await bob.state(roomId, "org.example.thing", "key with / and ü"), { a: 1 });
  const two = await alice.sets(roomId, "org.example.thing", "key with / and ü", { a: 2 });
  assert.notEqual(one, two);
  const all = await bob.get(v3`rooms/${roomId}/state`);
  assert.deepEqual(all.filter((e) => e.type === "org.example.thing").map((e) => e.content), [{ a: 2 }]);
  assert.equal((await event(two)).unsigned.prev_content.a, 1);
  const whole = await bob.get(`${v3`rooms/${roomId}/state/org.example.thing/${"key with / and ü"}`}?format=event`);
  assert.equal(whole.event_id ?? whole.content?.a, whole.event_id ? two : 2);
  await alice.put(
    "/_matrix/client/v3/rooms/" + encodeURIComponent(roomId) + "/state/m.room.topic", { topic: "no slash" });
  assert.equal((await bob.state(roomId, "m.room.topic")).topic, "no slash");
  await bob.refused(404, "M_NOT_FOUND", "GET", v3`rooms/${roomId}/state/org.example.none/`);
  await bob.refused(403, "M_FORBIDDEN", "PUT", v3`rooms/${roomId}/state/m.room.name/`, { name: "Bob's" });
  await bob.refused(403, "M_FORBIDDEN", "PUT", v3`rooms/${roomId}/state/org.example.thing/${alice.id}`, {});
});

test("a redaction removes the content, keeps the event and has the reason", async () => {
  const id = await bob.sends(roomId, "oops");
  const foreign = await alice.sends(roomId, "mine");
  await bob.refused(403, "M_FORBIDDEN", "PUT", v3`rooms/${roomId}/redact/${foreign}/${randomUUID()}`, {});
  const txn = randomUUID();
  const redaction = (await bob.put(v3`rooms/${roomId}/redact/${id}/${txn}`, { reason: "typo" })).event_id;
  assert.equal((await bob.put(v3`rooms/${roomId}/redact/${id}/${txn}`, { reason: "typo" })).event_id, redaction);
  const gone = await event(id);
  assert.deepEqual(gone.content, {});
  assert.equal(gone.unsigned.redacted_because.event_id, redaction);
  assert.equal(gone.unsigned.redacted_because.content.reason, "typo");
  assert.equal((await event(redaction)).content.redacts, id);
  assert.equal((await event(redaction)).redacts, id, "older clients look at the top level");
  const bySend = await alice.sends(roomId, { redacts: foreign, reason: "also this way" }, { type: "m.room.redaction" });
  assert.equal((await event(foreign)).unsigned.redacted_because.event_id, bySend);
});

test("an event that does not exist, or is in another room, is not found", async () => {
  const other = await alice.createsRoom();
  const elsewhere = await alice.sends(other, "elsewhere");
  await alice.refused(404, "M_NOT_FOUND", "GET", v3`rooms/${roomId}/event/${elsewhere}`);
  await alice.refused(404, "M_NOT_FOUND", "GET", v3`rooms/${roomId}/event/${"$" + "A".repeat(43)}`);
});

test("pages backwards and forwards meet every message once, in order", async () => {
  const room = await alice.createsRoom();
  const sent = [];
  for (let i = 0; i < 25; i++) sent.push(await alice.sends(room, `m${i}`));
  const walk = async (dir, from) => {
    const ids = [];
    for (let pages = 0; pages < 50; pages++) {
      const page = await alice.messages(room, `dir=${dir}&limit=4${from ? `&from=${encodeURIComponent(from)}` : ""}`);
      ids.push(...page.chunk.filter((e) => e.type === "m.room.message").map((e) => e.event_id));
      if (page.end === undefined) return ids;
      from = page.end;
    }
    assert.fail("the pages do not end");
  };
  assert.deepEqual(await walk("b"), [...sent].reverse());
  assert.deepEqual(await walk("f"), sent);
  const filter = encodeURIComponent(JSON.stringify({ types: ["m.room.create"] }));
  assert.deepEqual(
    (await alice.messages(room, `dir=f&limit=5&filter=${filter}`)).chunk.map((e) => e.type), ["m.room.create"]);
  const whole = await alice.sync({ filter: { room: { timeline: { limit: 3 } } } });
  const { prev_batch: before, limited } = whole.rooms.join[room].timeline;
  assert.equal(limited, true);
  assert.deepEqual(
    (await alice.messages(room, `dir=b&limit=2&from=${encodeURIComponent(before)}`)).chunk.map((e) => e.event_id),
    [sent[21], sent[20]]);
  await alice.refused(400, ["M_MISSING_PARAM", "M_INVALID_PARAM"], "GET", v3`rooms/${room}/messages`);
  await alice.refused(400, "M_INVALID_PARAM", "GET", `${v3`rooms/${room}/messages`}?dir=sideways`);
  await alice.refused(400, "M_INVALID_PARAM", "GET", `${v3`rooms/${room}/messages`}?dir=b&from=nonsense`);
});

test("an event's context has the events around it", async () => {
  const room = await alice.createsRoom();
  const ids = [];
  for (let i = 0; i < 9; i++) ids.push(await alice.sends(room, `c${i}`));
  const context = await alice.get(`${v3`rooms/${room}/context/${ids[4]}`}?limit=4`);
  assert.equal(context.event.event_id, ids[4]);
  assert.deepEqual(context.events_before.map((e) => e.event_id), [ids[3], ids[2]]);
  assert.deepEqual(context.events_after.map((e) => e.event_id), [ids[5], ids[6]]);
  assert.ok(context.state.some((e) => e.type === "m.room.create"));
  assert.deepEqual(
    (await alice.messages(room, `dir=b&limit=1&from=${encodeURIComponent(context.start)}`))
    .chunk.map((e) => e.event_id), [ids[1]]);
  assert.deepEqual(
    (await alice.messages(room, `dir=f&limit=1&from=${encodeURIComponent(context.end)}`)).chunk.map((e) => e.event_id),
    [ids[7]]);
});

test("members are listed by membership, and as they were at a point in time", async () => {
  const carol = await User.register(server);
  const room = await alice.createsRoom({ preset: "public_chat", invite: [carol.id] });
  const at = (await alice.sync()).next_batch;
  await bob.joins(room);
  const who = async (query = "") => (await alice.get(v3`rooms/${room}/members` + query))
    .chunk.map((e) => [e.state_key, e.content.membership]).sort();
  assert.deepEqual(await who(), [[alice.id, "join"], [bob.id, "join"], [carol.id, "invite"]].sort());
  assert.deepEqual(await who("?membership=invite"), [[carol.id, "invite"]]);
  assert.deepEqual(await who("?not_membership=invite"), [[alice.id, "join"], [bob.id, "join"]].sort());
  assert.deepEqual(await who(`?at=${encodeURIComponent(at)}`), [[alice.id, "join"], [carol.id, "invite"]].sort());
  const joined = (await bob.get(v3`rooms/${room}/joined_members`)).joined;
  assert.deepEqual(Object.keys(joined).sort(), [alice.id, bob.id].sort());
});

test("reactions, edits and references are found by what they relate to", async () => {
  const id = await alice.sends(roomId, "relate to me");
  const reaction = await bob.sends(roomId, relating("m.annotation", id, "👍"), { type: "m.reaction" });
  await bob.refused(
    400, "M_DUPLICATE_ANNOTATION", "PUT", v3`rooms/${roomId}/send/m.reaction/${randomUUID()}`,
    relating("m.annotation", id, "👍"));
  const edit = await alice.sends(
    roomId, { msgtype: "m.text", body: "* better", "m.new_content": { msgtype: "m.text", body: "better" },
    ...relating("m.replace", id) });
  const reference = await bob.sends(roomId, { ...relating("m.reference", id) }, { type: "org.example.pointer" });
  const all = (await alice.get(v1`rooms/${roomId}/relations/${id}`)).chunk.map((e) => e.event_id);
  assert.deepEqual(all, [reference, edit, reaction]);
  assert.deepEqual(
    (await alice.get(v1`rooms/${roomId}/relations/${id}` + "?dir=f")).chunk.map((e) => e.event_id),
    [reaction, edit, reference]);
  assert.deepEqual(
    (await alice.get(v1`rooms/${roomId}/relations/${id}/m.replace`)).chunk.map((e) => e.event_id), [edit]);
  assert.deepEqual(
    (await alice.get(v1`rooms/${roomId}/relations/${id}/m.annotation/m.reaction`)).chunk.map((e) => e.event_id),
    [reaction]);
  assert.deepEqual((await alice.get(v1`rooms/${roomId}/relations/${id}/m.annotation/org.example.other`)).chunk, []);

  const parent = await event(id);
  assert.equal(parent.content.body, "relate to me", "an edited event keeps its content");
  assert.equal(parent.unsigned["m.relations"]["m.replace"].event_id, edit);
  assert.deepEqual(parent.unsigned["m.relations"]["m.reference"].chunk.map((e) => e.event_id), [reference]);
  const page = await alice.get(v1`rooms/${roomId}/relations/${id}` + "?limit=1");
  assert.equal(page.chunk.length, 1);
  const next = await alice.get(
    v1`rooms/${roomId}/relations/${id}` + `?limit=5&from=${encodeURIComponent(page.next_batch)}`);
  assert.deepEqual(next.chunk.map((e) => e.event_id), [edit, reaction]);
  await alice.refused(404, "M_NOT_FOUND", "GET", v1`rooms/${roomId}/relations/${"$" + "A".repeat(43)}`);
});

test("an edit by another user does not count", async () => {
  const id = await alice.sends(roomId, "mine alone");
  await bob.sends(
    roomId, { msgtype: "m.text", body: "* x", "m.new_content": { msgtype: "m.text", body: "x" },
    ...relating("m.replace", id) });
  assert.equal((await event(id)).unsigned?.["m.relations"]?.["m.replace"], undefined);
});

test("threads are listed by their latest message and bundled in their root", async () => {
  const room = await alice.createsRoom({ preset: "public_chat" });
  await bob.joins(room);
  const [one, two] = [await alice.sends(room, "one"), await alice.sends(room, "two")];
  const reply = (root, body) => bob.sends(room, { msgtype: "m.text", body, ...relating("m.thread", root) });
  await reply(one, "1a");
  await reply(two, "2a");
  const last = await reply(one, "1b");
  const threads = (await alice.get(v1`rooms/${room}/threads`)).chunk;
  assert.deepEqual(threads.map((e) => e.event_id), [one, two]);
  const bundle = threads[0].unsigned["m.relations"]["m.thread"];
  assert.deepEqual(
    [bundle.count, bundle.latest_event.event_id, bundle.current_user_participated], [2, last, true],
    "its root's sender takes part");
  assert.equal((await bob.get(v1`rooms/${room}/threads` + "?include=participated")).chunk.length, 2);
  const page = await alice.get(v1`rooms/${room}/threads` + "?limit=1");
  assert.deepEqual(page.chunk.map((e) => e.event_id), [one]);
  assert.deepEqual(
    (await alice.get(v1`rooms/${room}/threads` + `?from=${encodeURIComponent(page.next_batch)}`))
    .chunk.map((e) => e.event_id), [two]);
  await alice.refused(400, ["M_INVALID_PARAM", "M_UNKNOWN"], "GET", v1`rooms/${room}/threads` + "?from=nonsense");
});

test("a user who joins later sees earlier events only if the history visibility allows it", async () => {
  for (const [visibility, sees] of [["joined", false], ["invited", false], ["shared", true],
    ["world_readable", true]]) {
    const room = await alice.createsRoom({
      preset: "public_chat",
      initial_state: [{ type: "m.room.history_visibility", state_key: "",
        content: { history_visibility: visibility } }],
    });
    const early = await alice.sends(room, "early");
    const carol = await User.register(server);
    await carol.joins(room);
    const ids = (await carol.messages(room)).chunk.map((e) => e.event_id);
    assert.equal(ids.includes(early), sees, visibility);
    assert.equal((await carol.call("GET", v3`rooms/${room}/event/${early}`)).status, sees ? 200 : 404, visibility);
  }
});
