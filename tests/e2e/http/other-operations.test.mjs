// Operations that clients use now and then, and that no other suite needs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, call, raw, refusedWith, v1, v3, withPassword } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice, bob;
before(async () => {
  server = await Server.start({ MATRIX_SUPPORT__PAGE: "https://example.org/help" });
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
});
after(() => server?.dispose());

test("a space's tree has its rooms", async () => {
  const space = await alice.createsRoom({ preset: "public_chat", creation_content: { type: "m.space" } });
  const room = await alice.createsRoom({ preset: "public_chat", name: "in the space" });
  await alice.sets(space, "m.space.child", room, { via: [server.name] });
  const { rooms } = await bob.get(v1`rooms/${space}/hierarchy`);
  assert.deepEqual(rooms.map((each) => each.room_id), [space, room]);
  assert.equal(rooms[1].name, "in the space");
});

test("the event nearest to a time is found", async () => {
  const room = await alice.createsRoom();
  const [first, second] = [await alice.sends(room, "one"), await alice.sends(room, "two")];
  const { origin_server_ts: ts } = await alice.get(v3`rooms/${room}/event/${second}`);
  const near = (dir) => alice.get(`${v1`rooms/${room}/timestamp_to_event`}?dir=${dir}&ts=${ts}`);
  assert.ok([first, second].includes((await near("b")).event_id));
  assert.ok([first, second].includes((await near("f")).event_id));
});

test("another service checks who a user is", async () => {
  const token = await alice.post(v3`user/${alice.id}/openid/request_token`);
  assert.equal(token.matrix_server_name, server.name);
  assert.ok(token.expires_in > 0);
});

test("a signed-in client signs another one in", async () => {
  const { status, body } = await withPassword(alice, "POST", v1`login/get_token`);
  assert.equal(status, 200);
  const login = { type: "m.login.token", token: body.login_token };
  const second = await call(server, "POST", v3`login`, { body: login });
  assert.equal(second.body.user_id, alice.id);
});

test("whoever needs help finds the page that the operator named", async () => {
  const { status, body } = await call(server, "GET", "/.well-known/matrix/support");
  assert.deepEqual([status, body.support_page], [200, "https://example.org/help"]);
});

test("rooms that users share are named, but not those that one shares with oneself", async () => {
  const room = await alice.createsRoom({ preset: "public_chat" });
  await bob.joins(room);
  const { joined } = await bob.get(`${v1`mutual_rooms`}?user_id=${encodeURIComponent(alice.id)}`);
  assert.ok(joined.includes(room));
  await alice.refused(400, ["M_INVALID_PARAM", "M_UNKNOWN"], "GET",
    `${v1`mutual_rooms`}?user_id=${encodeURIComponent(alice.id)}`);
});

test("a token that is none is refused by the event stream", async () => {
  const room = await alice.createsRoom();
  for (const query of ["from=nothing", `from=nothing&room_id=${encodeURIComponent(room)}`])
    refusedWith(await call(server, "GET", `/_matrix/client/v3/events?${query}`, { token: alice.token }), 400,
      ["M_INVALID_PARAM", "M_UNKNOWN"]);
});

test("nobody has the presence of a user who does not exist", async () => {
  const response = await raw(server, "GET", v3`presence/${"@nobody:hybrid.test"}/status`, { token: alice.token });
  assert.ok([403, 404].includes(response.status), response.text);
});
