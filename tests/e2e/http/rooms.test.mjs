// Rooms: creation, membership, aliases.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { User, call, refusedWith, v1, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice, bob, carol;
before(async () => {
  server = await Server.start();
  [alice, bob, carol] = [
    await User.register(server, "alice"), await User.register(server, "bob"), await User.register(server, "carol")];
});
after(() => server?.dispose());

test("by default a room has version 12 and is invite-only, and its power levels do not list the creator", async () => {
  const roomId = await alice.createsRoom({});
  assert.match(roomId, /^![A-Za-z0-9_-]{43}$/, "a room of version 12 is named after its create event");
  assert.equal((await alice.state(roomId, "m.room.create")).room_version, "12");
  assert.equal((await alice.state(roomId, "m.room.join_rules")).join_rule, "invite");
  assert.equal((await alice.state(roomId, "m.room.history_visibility")).history_visibility, "shared");
  assert.equal((await alice.state(roomId, "m.room.guest_access")).guest_access, "can_join");
  const power = await alice.state(roomId, "m.room.power_levels");
  assert.equal(power.users?.[alice.id], undefined);
  assert.ok((power.events?.["m.room.tombstone"] ?? 0) >= 150, "only creators replace a room of version 12");
});

test("a room of an older version gives its creator power 100", async () => {
  for (const version of ["1", "2", "3", "10", "11"]) {
    const roomId = await alice.createsRoom({ room_version: version });
    assert.match(roomId, /^![^:]+:hybrid\.test$/);
    assert.equal((await alice.state(roomId, "m.room.power_levels")).users[alice.id], 100);
  }
});

test("an event of the first room versions is named by its server, and can be found and redacted by that name",
  async () => {
  for (const version of ["1", "2"]) {
    const roomId = await alice.createsRoom({ room_version: version, preset: "public_chat" });
    await bob.joins(roomId);
    const said = await bob.sends(roomId, "hello");
    assert.match(said, /^\$[A-Za-z]+:hybrid\.test$/);
    assert.equal((await alice.get(v3`rooms/${roomId}/event/${said}`)).content.body, "hello");
    await alice.put(v3`rooms/${roomId}/redact/${said}/${randomUUID()}`);
    assert.equal((await bob.get(v3`rooms/${roomId}/event/${said}`)).content.body, undefined);
  }
});

test("everything that createRoom takes ends up in the room's state", async () => {
  const alias = `everything-${randomUUID().slice(0, 8)}`;
  const roomId = await alice.createsRoom({
    preset: "public_chat",
    visibility: "public",
    room_alias_name: alias,
    name: "Everything",
    topic: "All of it",
    invite: [bob.id],
    is_direct: true,
    creation_content: { "m.federate": false, type: "org.example.kind" },
    initial_state: [{ type: "org.example.colour", state_key: "", content: { is: "green" } },
      { type: "m.room.guest_access", state_key: "", content: { guest_access: "forbidden" } }],
    power_level_content_override: { users_default: 5 },
  });
  assert.equal((await alice.state(roomId, "m.room.name")).name, "Everything");
  const topic = await alice.state(roomId, "m.room.topic");
  assert.equal(topic.topic, "All of it");
  assert.equal(topic["m.topic"]?.["m.text"]?.[0]?.body, "All of it");
  assert.equal((await alice.state(roomId, "m.room.canonical_alias")).alias, `#${alias}:hybrid.test`);
  const create = await alice.state(roomId, "m.room.create");
  assert.deepEqual([create["m.federate"], create.type], [false, "org.example.kind"]);
  assert.deepEqual(await alice.state(roomId, "org.example.colour"), { is: "green" });
  assert.equal((await alice.state(roomId, "m.room.guest_access")).guest_access, "forbidden");
  assert.equal((await alice.state(roomId, "m.room.join_rules")).join_rule, "public");
  assert.equal((await alice.state(roomId, "m.room.power_levels")).users_default, 5);
  const invited = await alice.state(roomId, "m.room.member", bob.id);
  assert.deepEqual([invited.membership, invited.is_direct], ["invite", true]);
  await alice.refused(400, "M_ROOM_IN_USE", "POST", v3`createRoom`, { room_alias_name: alias });
});

test("trusted private chats make invited users creators in version 12, and give them power 100 before", async () => {
  const twelve = await alice.createsRoom({ preset: "trusted_private_chat", invite: [bob.id] });
  assert.deepEqual((await alice.state(twelve, "m.room.create")).additional_creators, [bob.id]);
  assert.equal((await alice.state(twelve, "m.room.power_levels")).users?.[bob.id], undefined);
  const eleven = await alice.createsRoom({ preset: "trusted_private_chat", invite: [bob.id], room_version: "11" });
  assert.equal((await alice.state(eleven, "m.room.power_levels")).users[bob.id], 100);
});

test("invalid requests to create a room are refused", async () => {
  const refused = (code, body) => alice.refused(400, code, "POST", v3`createRoom`, body);
  await refused("M_UNSUPPORTED_ROOM_VERSION", { room_version: "org.example.99" });
  await refused(["M_BAD_JSON", "M_INVALID_PARAM"], { preset: "no_such_preset" });
  await refused(["M_BAD_JSON", "M_INVALID_PARAM"], { visibility: "sideways" });
  await refused(["M_BAD_JSON", "M_INVALID_PARAM"], { invite: ["not a user"] });
  const levels = { power_level_content_override: { users: { [alice.id]: 0 } } };
  await refused(["M_INVALID_ROOM_STATE", "M_BAD_JSON", "M_INVALID_PARAM"], { room_version: "12", ...levels });
  await refused(
    ["M_INVALID_ROOM_STATE", "M_BAD_JSON"],
    { room_version: "11", name: "x", power_level_content_override: { users: { [alice.id]: 0 } } });
});

test("a client that leaves the version to the server may give the creator a level, which is dropped", async () => {
  const roomId = await alice.createsRoom(
    { power_level_content_override: { users: { [alice.id]: 100, [bob.id]: 50 } } });
  const levels = await alice.get(v3`rooms/${roomId}/state/m.room.power_levels/`);
  assert.deepEqual(levels.users, { [bob.id]: 50 });
});

test("an invited user joins by id or alias, leaves and forgets the room", async () => {
  const alias = `join-${randomUUID().slice(0, 8)}`;
  const roomId = await alice.createsRoom({ room_alias_name: alias });
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/join`, {});
  await alice.invites(bob, roomId);
  const invite = (await bob.sync()).rooms.invite[roomId];
  assert.ok(invite.invite_state.events.some((e) => e.type === "m.room.member" && e.state_key === bob.id));
  await alice.invites(bob, roomId);
  assert.equal((await bob.post(v3`rooms/${roomId}/join`, { reason: "hello" })).room_id, roomId);
  assert.equal((await bob.post(v3`join/${`#${alias}:hybrid.test`}`)).room_id, roomId, "joining again changes nothing");
  assert.ok((await bob.get(v3`joined_rooms`)).joined_rooms.includes(roomId));
  await alice.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/invite`, { user_id: bob.id });

  await bob.refused(400, "M_UNKNOWN", "POST", v3`rooms/${roomId}/forget`, {});
  await bob.post(v3`rooms/${roomId}/leave`, { reason: "bye" });
  assert.equal((await alice.state(roomId, "m.room.member", bob.id)).reason, "bye");
  assert.ok(!(await bob.get(v3`joined_rooms`)).joined_rooms.includes(roomId));
  await bob.post(v3`rooms/${roomId}/forget`);
  const forgotten = await bob.sync({ filter: { room: { include_leave: true } } });
  assert.equal(forgotten.rooms?.leave?.[roomId], undefined);
  await bob.refused(403, "M_FORBIDDEN", "GET", `${v3`rooms/${roomId}/messages`}?dir=b`);
});

test("an invitation can be declined and withdrawn", async () => {
  const roomId = await alice.createsRoom({ invite: [bob.id, carol.id] });
  await bob.post(v3`rooms/${roomId}/leave`);
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/join`, {});
  await alice.post(v3`rooms/${roomId}/kick`, { user_id: carol.id });
  await carol.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/join`, {});
});

test("kicked users can join again; banned users can do so after the ban is lifted", async () => {
  const roomId = await alice.createsRoom({ preset: "public_chat" });
  await bob.joins(roomId);
  await carol.joins(roomId);
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/kick`, { user_id: carol.id });
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/ban`, { user_id: carol.id });
  await alice.post(v3`rooms/${roomId}/kick`, { user_id: bob.id, reason: "calm down" });
  assert.deepEqual((await alice.state(roomId, "m.room.member", bob.id)), { membership: "leave", reason: "calm down" });
  await bob.joins(roomId);
  await alice.post(v3`rooms/${roomId}/ban`, { user_id: bob.id, reason: "enough" });
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`join/${roomId}`, {});
  await alice.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/invite`, { user_id: bob.id });
  await carol.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/unban`, { user_id: bob.id });
  await alice.post(v3`rooms/${roomId}/unban`, { user_id: bob.id });
  await bob.joins(roomId);
  await alice.refused(
    403, ["M_FORBIDDEN", "M_BAD_STATE"], "POST", v3`rooms/${roomId}/kick`, { user_id: "@nobody:hybrid.test" });
  await alice.refused(403, ["M_FORBIDDEN", "M_BAD_STATE"], "POST", v3`rooms/${roomId}/unban`, { user_id: carol.id });
});

test("a user outside a room cannot read or send there", async () => {
  const roomId = await alice.createsRoom();
  const eventId = await alice.sends(roomId, "secret");
  const forbidden = (method, path, body) => carol.refused(403, "M_FORBIDDEN", method, path, body);
  await forbidden("PUT", v3`rooms/${roomId}/send/m.room.message/${randomUUID()}`, { msgtype: "m.text", body: "x" });
  await forbidden("PUT", v3`rooms/${roomId}/state/m.room.topic/`, { topic: "x" });
  await forbidden("GET", `${v3`rooms/${roomId}/messages`}?dir=b`);
  await forbidden("GET", v3`rooms/${roomId}/state`);
  await forbidden("GET", v3`rooms/${roomId}/state/m.room.name/`);
  await forbidden("GET", v3`rooms/${roomId}/members`);
  await forbidden("GET", v3`rooms/${roomId}/joined_members`);
  await forbidden("GET", v3`rooms/${roomId}/aliases`);
  await forbidden("PUT", v3`rooms/${roomId}/typing/${carol.id}`, { typing: true });
  await forbidden("POST", v3`rooms/${roomId}/invite`, { user_id: bob.id });
  await carol.refused(404, "M_NOT_FOUND", "GET", v3`rooms/${roomId}/event/${eventId}`);
  const context = await carol.call("GET", v3`rooms/${roomId}/context/${eventId}`);
  assert.ok([403, 404].includes(context.status), context.text);
  const threads = await carol.call("GET", v1`rooms/${roomId}/threads`);
  refusedWith(threads, 403, "M_FORBIDDEN");
});

test("requests for a room that does not exist are refused", async () => {
  const nowhere = `!${"A".repeat(43)}`;
  for (const [method, path, body] of [
    ["PUT", v3`rooms/${nowhere}/send/m.room.message/x`, { msgtype: "m.text", body: "x" }],
    ["POST", v3`rooms/${nowhere}/join`, {}],
    ["GET", v3`rooms/${nowhere}/state`],
    ["POST", v3`rooms/${nowhere}/leave`, {}],
  ]) {
    const { status, body: answer } = await alice.call(method, path, body);
    assert.ok(status === 403 || status === 404, `${path}: ${status}`);
    assert.ok(["M_FORBIDDEN", "M_NOT_FOUND"].includes(answer.errcode), answer.errcode);
  }
});

test("aliases point to a room until they are deleted", async () => {
  const roomId = await alice.createsRoom({ preset: "public_chat" });
  await bob.joins(roomId);
  const alias = `#kitchen-${randomUUID().slice(0, 8)}:hybrid.test`;
  await alice.put(v3`directory/room/${alias}`, { room_id: roomId });
  const found = (await call(server, "GET", v3`directory/room/${alias}`)).body;
  assert.equal(found.room_id, roomId);
  assert.ok(found.servers.includes("hybrid.test"));
  assert.deepEqual((await alice.get(v3`rooms/${roomId}/aliases`)).aliases, [alias]);
  await bob.refused(409, "M_UNKNOWN", "PUT", v3`directory/room/${alias}`, { room_id: roomId });
  await bob.refused(403, "M_FORBIDDEN", "DELETE", v3`directory/room/${alias}`);
  await alice.refused(
    400, "M_BAD_ALIAS", "PUT", v3`rooms/${roomId}/state/m.room.canonical_alias/`, { alias: "#nowhere:hybrid.test" });
  await alice.refused(
    400, "M_INVALID_PARAM", "PUT", v3`rooms/${roomId}/state/m.room.canonical_alias/`, { alias: "kitchen" });
  await alice.put(v3`rooms/${roomId}/state/m.room.canonical_alias/`, { alias });
  await alice.delete(v3`directory/room/${alias}`);
  await alice.refused(404, "M_NOT_FOUND", "GET", v3`directory/room/${alias}`);
  await alice.refused(404, "M_NOT_FOUND", "DELETE", v3`directory/room/${alias}`);
  await alice.refused(400, "M_INVALID_PARAM", "GET", v3`directory/room/${"no-alias"}`);
});

test("a restricted room lets in the members of the room that it names", async () => {
  const club = await alice.createsRoom({ preset: "public_chat" });
  const room = await alice.createsRoom({
    initial_state: [{ type: "m.room.join_rules", state_key: "",
      content: { join_rule: "restricted", allow: [{ type: "m.room_membership", room_id: club }] } }],
  });
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`join/${room}`, {});
  await bob.joins(club);
  await bob.joins(room);
});
