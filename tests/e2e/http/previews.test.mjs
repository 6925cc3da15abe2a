// Rooms read without joining them, third-party lookups, TURN credentials, files of .well-known.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, call, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice, bob;
before(async () => {
  server = await Server.start({
    MATRIX_TURN__URIS: "turn:turn.example.org?transport=udp",
    MATRIX_TURN__SHARED_SECRET: "between us",
    MATRIX_PUBLIC_BASE_URL: "https://matrix.example.org",
    MATRIX_WELL_KNOWN__CLIENT: '{"m.identity_server":{"base_url":"https://id.example.org"}}',
    MATRIX_WELL_KNOWN__POLICY_SERVER_KEY: "6yhHGKhCiXTSEN2ksjV7kX_N6rBQZ3Xb-M7LlC6NS-s",
  });
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
});
after(() => server?.dispose());

const opened = {
  preset: "public_chat",
  initial_state: [
    { type: "m.room.history_visibility", state_key: "", content: { history_visibility: "world_readable" } }],
};

test("a world-readable room is read and followed without joining it", async () => {
  const roomId = await alice.createsRoom(opened);
  const said = await alice.sends(roomId, "hello");
  const shown = await bob.get(v3`rooms/${roomId}/initialSync`);
  assert.ok(shown.messages.chunk.some((event) => event.event_id === said));
  assert.equal(shown.membership, undefined);
  const wait = bob.get(`${v3`events`}?room_id=${encodeURIComponent(roomId)}&from=${shown.messages.end}&timeout=20000`);
  const next = await alice.sends(roomId, "more");
  assert.deepEqual((await wait).chunk.map((event) => event.event_id), [next]);
  assert.equal((await bob.get(v3`events/${next}`)).event_id, next);
});

test("clients that do not sync get all rooms and the events after", async () => {
  const roomId = await alice.createsRoom();
  await alice.invites(bob, roomId);
  const all = await alice.get(`${v3`initialSync`}?limit=5`);
  assert.ok(all.rooms.some((room) => room.room_id === roomId && room.membership === "join"));
  const his = await bob.get(v3`initialSync`);
  assert.equal(his.rooms.find((room) => room.room_id === roomId).invite.state_key, bob.id);
  const said = await alice.sends(roomId, "news");
  const events = await alice.get(`${v3`events`}?from=${all.end}`);
  assert.deepEqual(events.chunk.map((event) => event.event_id), [said]);
  await bob.refused(403, "M_FORBIDDEN", "GET", v3`rooms/${roomId}/initialSync`);
  await bob.refused(404, "M_NOT_FOUND", "GET", v3`events/${said}`);
});

test("without application services nothing is known of third-party networks", async () => {
  assert.deepEqual(await alice.get(v3`thirdparty/protocols`), {});
  for (const path of [v3`thirdparty/protocol/irc`, v3`thirdparty/location/irc`, v3`thirdparty/user/irc`,
    `${v3`thirdparty/location`}?alias=%23a:b.example`, `${v3`thirdparty/user`}?userid=@a:b.example`]) {
    await alice.refused(404, "M_NOT_FOUND", "GET", path);
  }
});

test("a user gets TURN credentials", async () => {
  const made = await alice.get(v3`voip/turnServer`);
  assert.match(made.username, new RegExp(`^[0-9]+:${alice.id}$`));
  assert.deepEqual(made.uris, ["turn:turn.example.org?transport=udp"]);
});

test("files of .well-known are those of the configuration", async () => {
  const client = await call(server, "GET", "/.well-known/matrix/client");
  assert.deepEqual(client.body["m.identity_server"], { base_url: "https://id.example.org" });
  const policy = await call(server, "GET", "/.well-known/matrix/policy_server");
  assert.equal(policy.body.public_keys.ed25519, "6yhHGKhCiXTSEN2ksjV7kX_N6rBQZ3Xb-M7LlC6NS-s");
});
