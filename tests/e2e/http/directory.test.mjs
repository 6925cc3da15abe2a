// Rooms that people look for, replace and report.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, call, v1, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice, bob;
before(async () => {
  server = await Server.start();
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
});
after(() => server?.dispose());

test("a published room is in the directory, which is searched, and has a summary for everyone", async () => {
  const roomId = await alice.createsRoom({ preset: "public_chat", name: "Kitchen", topic: "Food" });
  await alice.put(v3`directory/list/room/${roomId}`, { visibility: "public" });
  assert.equal((await call(server, "GET", v3`directory/list/room/${roomId}`)).body.visibility, "public");
  const listed = (await call(server, "GET", v3`publicRooms`)).body;
  assert.deepEqual(listed.chunk.map((room) => room.room_id), [roomId]);
  const found = (term) => alice.post(v3`publicRooms`, { filter: { generic_search_term: term } });
  assert.deepEqual((await found("kitch")).chunk.map((room) => room.name), ["Kitchen"]);
  assert.deepEqual((await found("cellar")).chunk, []);
  const summary = (await call(server, "GET", v1`room_summary/${roomId}`)).body;
  assert.deepEqual([summary.name, summary.membership], ["Kitchen", undefined]);
  assert.equal((await alice.get(v1`room_summary/${roomId}`)).membership, "join");
  await bob.refused(404, "M_NOT_FOUND", "GET", v1`room_summary/${"!none:hybrid.test"}`);
});

test("a room is replaced by one of another version, and members find each other there", async () => {
  const roomId = await alice.createsRoom({ preset: "public_chat", room_version: "10", name: "Attic" });
  await bob.joins(roomId);
  const { replacement_room: next } = await alice.post(v3`rooms/${roomId}/upgrade`, { new_version: "12" });
  assert.equal((await alice.state(roomId, "m.room.tombstone")).replacement_room, next);
  assert.equal((await alice.state(next, "m.room.name")).name, "Attic");
  assert.deepEqual((await alice.state(next, "m.room.create")).predecessor, { room_id: roomId });
  await bob.joins(next);
  const shared = await bob.get(`${v1`mutual_rooms`}?user_id=${encodeURIComponent(alice.id)}`);
  assert.deepEqual([shared.joined.sort(), shared.count], [[roomId, next].sort(), 2]);
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${next}/upgrade`, { new_version: "11" });
  await alice.refused(
    400, "M_UNSUPPORTED_ROOM_VERSION", "POST", v3`rooms/${next}/upgrade`, { new_version: "org.example.99" });
});

test("events, rooms and users are reported", async () => {
  const roomId = await alice.createsRoom({ preset: "public_chat" });
  const eventId = await alice.sends(roomId, "bad");
  await bob.refused(404, "M_NOT_FOUND", "POST", v3`rooms/${roomId}/report/${eventId}`, { reason: "rude" });
  await bob.joins(roomId);
  await bob.post(v3`rooms/${roomId}/report/${eventId}`, { reason: "rude" });
  await bob.post(v3`rooms/${roomId}/report`, { reason: "" });
  await bob.post(v3`users/${alice.id}/report`, { reason: "rude" });
  await bob.refused(400, "M_BAD_JSON", "POST", v3`users/${alice.id}/report`, {});
});
