// A client that reads its rooms by the SDK's sliding sync.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server } from "../support/server.mjs";
import { Person, SlidingSync, sdk, until } from "./person.mjs";

let server, alice, bob, sliding;
const rooms = [];
const state = [["m.room.create", ""], ["m.room.name", ""], ["m.room.encryption", ""], ["m.room.member", "$LAZY"]];
before(async () => {
  server = await Server.start();
  alice = await Person.registers(server, "alice");
  const first = await Person.registers(server, "bob", { crypto: false });
  for (const name of ["Attic", "Barn", "Cellar", "Den"]) {
    const { room_id: roomId } = await alice.client.createRoom({ preset: "public_chat", name, topic: `The ${name}` });
    await first.client.joinRoom(roomId);
    rooms.push(roomId);
  }
  for (const roomId of rooms) for (let i = 1; i <= 5; i++) await alice.sends(roomId, `${i}`);
  first.stops();
  bob = await Person.logsIn(server, "bob", {
    syncs: (client) => (sliding = new SlidingSync(
      server.url, new Map([["all", { ranges: [[0, 1]], timeline_limit: 2, required_state: state }]]),
      { timeline_limit: 4, required_state: [...state, ["m.room.topic", ""]] }, client, 3000)),
  });
});
after(async () => {
  [alice, bob].forEach((person) => person?.stops());
  await server?.dispose();
  // The Rust crypto has timers of its own.
  setTimeout(() => process.exit(), 500).unref();
});

const names = () => bob.client.getRooms().map((room) => room.name).sort();
const bodies = (roomId) => bob.client.getRoom(roomId).getLiveTimeline().getEvents()
  .filter((event) => event.getType() === "m.room.message").map((event) => event.getContent().body);

test("a list has the rooms of its window, the latest first, and the rest when the window grows", async () => {
  assert.deepEqual(names(), ["Cellar", "Den"]);
  assert.equal(sliding.getListData("all").joinedCount, 4);
  assert.deepEqual(bodies(rooms[3]), ["4", "5"]);
  sliding.setListRanges("all", [[0, 9]]);
  await until("all rooms", () => names().length === 4);
});

test("a subscription has more of a room than the list", async () => {
  const room = bob.client.getRoom(rooms[0]);
  assert.equal(room.currentState.getStateEvents("m.room.topic", ""), null);
  sliding.modifyRoomSubscriptions(new Set([rooms[0]]));
  await until(
    "the topic", () => room.currentState.getStateEvents("m.room.topic", "")?.getContent().topic === "The Attic");
  // Only if the room has still more than that, the SDK puts the older ones before the newer ones.
  await until("the timeline", () => bodies(rooms[0]).join() === "2,3,4,5");
  await alice.sends(rooms[0], "live");
  await until("what is new", () => bodies(rooms[0]).at(-1) === "live");
  assert.equal(room.getMember(alice.id).membership, "join");
});

test("typing, receipts, account data and counts come with their extensions", async () => {
  const room = bob.client.getRoom(rooms[0]);
  const id = await alice.mentions(bob, rooms[0], "look");
  await bob.gets(rooms[0], id);
  await until("the counts", () => room.getUnreadNotificationCount("highlight") === 1);
  await alice.client.sendTyping(rooms[0], true, 8000);
  await until("alice is typing", () => room.getMember(alice.id)?.typing === true);
  await alice.client.sendTyping(rooms[0], false, 0);
  await until("alice stopped", () => room.getMember(alice.id)?.typing === false);
  const mine = await bob.sends(rooms[0], "I see");
  await alice.gets(rooms[0], mine);
  await alice.client.sendReadReceipt(alice.event(rooms[0], mine));
  await until("alice has read it", () => room.getEventReadUpTo(alice.id) === mine);
  await bob.client.setRoomTag(rooms[0], "m.favourite", { order: 0.1 });
  await until("the tag", () => room.tags["m.favourite"]?.order === 0.1);
  await bob.client.setAccountData("org.example.theme", { dark: true });
  await until("the account data", () => bob.client.getAccountData("org.example.theme")?.getContent().dark === true);
  await until("nothing is unread", () => room.getUnreadNotificationCount("total") === 0);
});

test("an invite comes with the room's name, and encrypted messages are read", async () => {
  const roomId = await alice.createsEncryptedRoom({ name: "Vault", invite: [bob.id] });
  const invited = await bob.sees(roomId, "invite");
  await until("the invite has a name", () => invited.name === "Vault");
  await bob.client.joinRoom(roomId);
  await bob.sees(roomId);
  await alice.knowsOf(bob, roomId);
  const id = await alice.sends(roomId, "for your eyes");
  assert.equal(await bob.reads(roomId, id), "for your eyes");
  const answer = await bob.sends(roomId, "for yours");
  assert.equal(await alice.reads(roomId, answer), "for yours");
});

test("the server restarts, and the connection starts anew without losing anything", async () => {
  await server.restart();
  const id = await alice.sends(rooms[1], "after the restart");
  const event = await bob.gets(rooms[1], id);
  assert.equal(event.getContent().body, "after the restart");
  assert.equal(bob.client.getSyncState(), sdk.SyncState.Syncing);
});

test("a room that was left is gone from the lists", async () => {
  await bob.client.leave(rooms[2]);
  await until("the list has one room less", () => sliding.getListData("all").joinedCount === 4);
  await bob.sees(rooms[2], "leave");
});
