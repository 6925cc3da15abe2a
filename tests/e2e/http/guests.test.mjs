// Guests: what they may call, of all operations of the specification, and how they become users.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { User, call, raw, refusedWith, v3 } from "../support/client.mjs";
import { isUnrecognised } from "../support/findings.mjs";
import { World, requestOf } from "../support/requests.mjs";
import { Server } from "../support/server.mjs";
import { everyOperation, present } from "../support/spec.mjs";

let server, world;
before(async () => {
  server = await Server.start({ MATRIX_REGISTRATION__GUESTS: "true" });
  world = await World.create(server);
  await world.alice.sets(world.roomId, "m.room.guest_access", "", { guest_access: "can_join" });
});
after(() => server?.dispose());

async function guest(body = {}) {
  const { status, body: made, text } = await call(server, "POST", `${v3`register`}?kind=guest`, { body });
  assert.equal(status, 200, text);
  return new User(server, made);
}

// Client-Server API, "Guest Access", "Client behaviour".
const listed = new Set(["getRoomState", "getEventContext", "getOneRoomEvent", "getRoomStateWithKey", "getRoomEvents",
  "getMembersByRoom", "roomInitialSync", "sync", "getEvents", "peekEvents", "getContentAuthed",
  "getContentOverrideNameAuthed", "getContentThumbnailAuthed", "joinRoomById", "leaveRoom", "sendMessage",
  "setRoomStateWithKey", "sendToDevice", "setProfileField", "deleteProfileField", "getDevices", "getDevice",
  "updateDevice", "getTokenOwner", "uploadKeys", "queryKeys", "claimKeys"]);

// Not on the list: the end of a session, the same join by another path, and what a client asks any server.
const added = new Set(["logout", "logout_all", "joinRoom", "getCapabilities"]);

// Open without a token, or without one of a user: but a guest has no password to prove.
const isOpen = (operation) => !["changePassword", "deactivateAccount"].includes(operation.id)
  && (operation.operation.security?.every((way) => Object.keys(way).length === 0) ?? true);
const opened = new Set(["getRoomSummary", "getUserProfile", "getProfileField", "getVersions", "getPublicRooms"]);

for (const operation of present ? everyOperation() : []) {
  test(`${operation.id}: whether guests may call it`, async () => {
    const { id } = operation;
    const { method, path, body } = requestOf(operation, world);
    const response = await raw(server, method, path, { token: (await guest()).token, body });
    if (isUnrecognised(response)) return;
    const told = `${response.status} ${response.text.slice(0, 200)}`;
    const isAllowed = listed.has(id) || added.has(id) || opened.has(id) || isOpen(operation);
    if (isAllowed) assert.notEqual(response.body?.errcode, "M_GUEST_ACCESS_FORBIDDEN", told);
    else assert.equal(
      response.body?.errcode, /^[gs]etAdmin/.test(id) ? "M_FORBIDDEN" : "M_GUEST_ACCESS_FORBIDDEN", told);
  });
}

test("a guest talks in a room that admits guests, and leaves when it no longer does", async () => {
  const visitor = await guest({ initial_device_display_name: "Kiosk" });
  const room = await world.alice.createsRoom({ preset: "public_chat" });
  await visitor.refused(403, "M_GUEST_ACCESS_FORBIDDEN", "POST", v3`rooms/${room}/join`, {});
  await world.alice.sets(room, "m.room.guest_access", "", { guest_access: "can_join" });
  await visitor.post(v3`rooms/${room}/join`);
  await visitor.put(v3`rooms/${room}/send/m.room.message/1`, { msgtype: "m.text", body: "hello" });
  await visitor.put(v3`profile/${visitor.id}/displayname`, { displayname: "Visitor" });
  await visitor.refused(403, "M_GUEST_ACCESS_FORBIDDEN", "PUT", v3`profile/${visitor.id}/avatar_url`,
    { avatar_url: "mxc://hybrid.test/a" });
  await world.alice.sets(room, "m.room.guest_access", "", { guest_access: "forbidden" });
  let membership;
  for (let i = 0; i < 100 && membership !== "leave"; i++) {
    ({ membership } = await world.alice.get(v3`rooms/${room}/state/m.room.member/${visitor.id}`));
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.equal(membership, "leave");
});

test("a guest becomes a user of the same name", async () => {
  const visitor = await guest();
  const username = visitor.id.slice(1).split(":")[0];
  const body = { username, password: "passphrase", guest_access_token: visitor.token };
  const first = await call(server, "POST", v3`register`, { body });
  const auth = { type: "m.login.dummy", session: first.body.session };
  const { body: made } = await call(server, "POST", v3`register`, { body: { ...body, auth } });
  assert.equal(made.user_id, visitor.id);
  await visitor.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`sync`);
  assert.equal((await new User(server, made).get(v3`account/whoami`)).is_guest, false);
  refusedWith(await call(server, "POST", v3`register`,
    { body: { ...body, username: `u${randomUUID().slice(0, 8)}` } }), 403, "M_FORBIDDEN");
});
