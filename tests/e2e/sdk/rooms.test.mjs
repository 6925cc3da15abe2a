// What people do in rooms with a client of the SDK: pictures, upgrades, spaces, threads, search.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { RoomHierarchy } from "matrix-js-sdk/lib/room-hierarchy.js";
import { call, v3 } from "../support/client.mjs";
import { png, sizeOf } from "../support/png.mjs";
import { Server } from "../support/server.mjs";
import { Person, sdk, until } from "./person.mjs";

let server, alice, bob;
before(async () => {
  server = await Server.start();
  [alice, bob] = await Promise.all(["alice", "bob"].map((name) => Person.registers(server, name, { crypto: false })));
  await alice.client.setDisplayName("Alice");
});
after(async () => {
  [alice, bob].forEach((person) => person?.stops());
  await server?.dispose();
  // The SDK tries again what it fetches in the background.
  setTimeout(() => process.exit(), 500).unref();
});

/** A room of both, as each sees it. */
async function bothIn(options = {}) {
  const { room_id: roomId } = await alice.client.createRoom({ preset: "public_chat", ...options });
  await bob.client.joinRoom(roomId);
  const [hers, his] = await Promise.all([alice.sees(roomId), bob.sees(roomId)]);
  return { roomId, hers, his };
}

/** Sends a reply in a thread. The SDK would look for it outside the thread if it comes by sync before its response. */
const replies = async (person, roomId, root, body, mentions = []) => (await call(
  server, "PUT", v3`rooms/${roomId}/send/m.room.message/${body}`, {
    token: person.client.getAccessToken(),
    body: {
      msgtype: "m.text", body, "m.mentions": { user_ids: mentions },
      "m.relates_to": {
        rel_type: "m.thread", event_id: root, is_falling_back: true, "m.in_reply_to": { event_id: root },
      },
    },
  })).body.event_id;

test("a picture is uploaded, sent, downloaded, and shown as a thumbnail", async () => {
  const { roomId } = await bothIn();
  const picture = png(800, 600);
  const { content_uri: uri } = await alice.client.uploadContent(picture, { name: "garden.png", type: "image/png" });
  const info = { w: 800, h: 600, mimetype: "image/png", size: picture.length };
  const { event_id: id } = await alice.client.sendImageMessage(roomId, uri, info, "garden.png");

  const content = (await bob.gets(roomId, id)).getContent();
  assert.deepEqual([content.msgtype, content.body, content.info], ["m.image", "garden.png", info]);
  const headers = { authorization: `Bearer ${bob.client.getAccessToken()}` };
  const fetches = async (...size) => {
    const address = bob.client.mxcUrlToHttp(content.url, ...size, false, true, true);
    const response = await fetch(address, { headers });
    assert.equal(response.status, 200, `${address}: ${response.status}`);
    return { type: response.headers.get("content-type"), bytes: Buffer.from(await response.arrayBuffer()) };
  };
  const whole = await fetches(undefined, undefined, undefined);
  assert.equal(whole.type, "image/png");
  assert.ok(whole.bytes.equals(picture));
  assert.deepEqual(sizeOf((await fetches(320, 240, "scale")).bytes), [320, 240]);
  assert.deepEqual(sizeOf((await fetches(96, 96, "crop")).bytes), [96, 96]);
  // An address without authentication: newer media is not served at it.
  const old = await fetch(bob.client.mxcUrlToHttp(content.url), { headers });
  assert.equal(old.status, 404);
});

test("an upgraded room is followed, and the SDK knows both as one", async () => {
  const { roomId: old, his } = await bothIn({
    room_version: "10", name: "Garden", topic: "What grows", power_level_content_override: { invite: 42 },
  });
  await bob.client.setRoomTag(old, "m.favourite", { order: 0.5 });
  await alice.sends(old, "the last of the old room");

  const { replacement_room: next } = await alice.client.upgradeRoom(old, "11");
  const tombstone = await until(
    "bob sees the tombstone", () => his.currentState.getStateEvents("m.room.tombstone", "") ?? undefined);
  assert.equal(tombstone.getContent().replacement_room, next);
  await assert.rejects(bob.sends(old, "too late"), (refusal) => refusal.errcode === "M_FORBIDDEN");

  await bob.client.joinRoom(next, { viaServers: [tombstone.getSender().split(":")[1]] });
  const room = await bob.sees(next);
  const found = await until("the new room names the old one", () => room.findPredecessor() ?? undefined);
  assert.equal(found.roomId, old);
  assert.equal(room.name, "Garden");
  assert.equal(room.getVersion(), "11");
  assert.equal(room.currentState.getStateEvents("m.room.topic", "").getContent().topic, "What grows");
  assert.equal(room.currentState.getStateEvents("m.room.power_levels", "").getContent().invite, 42);
  await until("the tag is on the new room too", () => room.tags["m.favourite"]);
  assert.deepEqual(bob.client.getRoomUpgradeHistory(next, true).map((r) => r.roomId), [old, next]);
  const shown = bob.client.getVisibleRooms().map((r) => r.roomId);
  assert.ok(shown.includes(next) && !shown.includes(old));
  assert.equal((await bob.gets(next, await alice.sends(next, "the first of the new"))).getSender(), alice.id);
});

test("a space is browsed in pages, with the suggested rooms alone, and a child is joined", async () => {
  const { roomId: space, his } = await bothIn({ name: "Village", creation_content: { type: "m.space" } });
  const via = ["hybrid.test"];
  const adds = (child, content, parent = space) =>
    alice.client.sendStateEvent(parent, "m.space.child", { via, ...content }, child);
  const inner = (await alice.client.createRoom(
    { preset: "public_chat", name: "Inner", creation_content: { type: "m.space" } })).room_id;
  await adds(inner, { order: "z" });
  const children = [];
  for (const [at, name] of ["Bakery", "Church", "Dairy", "Mill", "Pub"].entries()) {
    const { room_id: child } = await alice.client.createRoom({
      preset: "private_chat", name,
      initial_state: [{
        type: "m.room.join_rules", state_key: "",
        content: { join_rule: "restricted", allow: [{ type: "m.room_membership", room_id: space }] },
      }],
    });
    children.push(child);
    await adds(child, { order: `a${at}`, suggested: at % 2 === 0 }, at === 4 ? inner : space);
  }

  const tree = new RoomHierarchy(his, 3, 3);
  const sizes = [];
  do sizes.push((await tree.load()).length);
  while (tree.canLoadMore);
  assert.deepEqual(sizes, [3, 3, 1]);
  assert.deepEqual(
    tree.rooms.map((r) => r.name), ["Village", "Bakery", "Church", "Dairy", "Mill", "Inner", "Pub"]);
  assert.equal(tree.isSuggested(space, children[0]), true);
  assert.ok(!tree.isSuggested(space, children[1]));
  assert.deepEqual(tree.backRefs.get(children[4]), [inner]);
  const pub = tree.roomMap.get(children[4]);
  assert.equal(pub.join_rule, "restricted");
  assert.equal(pub.num_joined_members, 1);

  const suggested = new RoomHierarchy(his, 20, 3, true);
  await suggested.load();
  assert.deepEqual(suggested.rooms.map((r) => r.name), ["Village", "Bakery", "Dairy"]);

  const { content } = tree.getRelation(space, children[1]);
  await bob.client.joinRoom(children[1], { viaServers: content.via });
  const church = await bob.sees(children[1]);
  await until("the child has its name", () => church.name === "Church");
});

test("threads are listed, replied to, counted apart, and read with receipts of their own", async () => {
  const { roomId, hers, his } = await bothIn();
  const roots = [];
  for (const topic of ["Sea", "Hills", "City"]) roots.push(await alice.sends(roomId, topic));
  await bob.gets(roomId, roots[2]);
  // In this order: Hills has the latest reply.
  await replies(alice, roomId, roots[0], "warm");
  const high = await replies(alice, roomId, roots[1], "high", [bob.id]);
  const thread = await until("bob has the thread", () => {
    const found = his.getThread(roots[1]);
    return found?.replyToEvent?.getId() === high ? found : undefined;
  });
  assert.equal(thread.length, 1);

  await his.createThreadsTimelineSets();
  await his.fetchRoomThreads();
  const [all, mine] = his.threadsTimelineSets.map(
    (set) => set.getLiveTimeline().getEvents().map((event) => event.getId()));
  assert.deepEqual(all, [roots[0], roots[1]], "the latest is the last");
  assert.deepEqual(mine, [], "bob is in none");
  const answer = await replies(bob, roomId, roots[0], "let us swim");
  await until("alice sees the reply", () => hers.getThread(roots[0])?.replyToEvent?.getId() === answer);
  const { chunk } = await bob.client.createThreadListMessagesRequest(
    roomId, null, 10, sdk.Direction.Backward, sdk.ThreadFilterType.My);
  assert.deepEqual(chunk.map((event) => event.event_id), [roots[0]]);

  const counts = (root) => ["total", "highlight"].map((kind) => his.getThreadUnreadNotificationCount(root, kind));
  await until("bob has a mention in the thread", () => counts(roots[1]).join() === "1,1");
  // His own reply has read that thread.
  await until("none in the other", () => counts(roots[0]).join() === "0,0");
  const main = () => his.getRoomUnreadNotificationCount("total");
  assert.equal(main(), 3, "the main timeline has the three roots");
  await bob.client.sendReadReceipt(thread.replyToEvent);
  await until("the thread is read, the main timeline is not", () => counts(roots[1]).join() === "0,0" && main() === 3);
  await until("alice sees that he read the thread", () =>
    hers.getThread(roots[1])?.hasUserReadEvent(bob.id, high));
  await bob.client.sendReadReceipt(his.findEventById(roots[2]));
  await until("all is read", () => main() === 0);
});

test("messages are found with their context, a page at a time", async () => {
  const { roomId } = await bothIn();
  for (let i = 1; i <= 12; i++) {
    await alice.sends(roomId, `before ${i}`);
    await alice.sends(roomId, `a quince pie, number ${i}`);
    await alice.sends(roomId, `after ${i}`);
  }
  const found = await bob.client.searchRoomEvents({ term: "quince", filter: { rooms: [roomId], limit: 10 } });
  assert.equal(found.count, 12);
  assert.deepEqual(found.highlights, ["quince"]);
  assert.equal(found.results.length, 10);
  const context = found.results[0].context;
  assert.deepEqual(
    context.getTimeline().map((event) => event.getContent().body),
    ["before 12", "a quince pie, number 12", "after 12"]);
  assert.equal(context.getEvent().sender.name, "Alice");
  await bob.client.backPaginateRoomEventsSearch(found);
  assert.deepEqual(
    found.results.map((one) => one.context.getEvent().getContent().body),
    Array.from({ length: 12 }, (_, i) => `a quince pie, number ${12 - i}`));
  assert.equal(found.next_batch, undefined);

  // An event that the client does not have is shown between its neighbours.
  const id = found.results[5].context.getEvent().getId();
  const late = await Person.registers(server, "carol", { crypto: false });
  await late.client.joinRoom(roomId);
  const timeline = await late.client.getEventTimeline(
    (await late.sees(roomId)).getUnfilteredTimelineSet(), id).finally(() => late.stops());
  const bodies = timeline.getEvents().map((event) => event.getContent().body);
  const at = bodies.indexOf("a quince pie, number 7");
  assert.deepEqual([bodies[at - 1], bodies[at + 1]], ["before 7", "after 7"]);
});
