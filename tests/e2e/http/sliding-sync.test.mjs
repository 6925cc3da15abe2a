// Simplified sliding sync (MSC4186) in both formats. It is not in the specification's schemas.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, raw } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

const unstable = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
const merged = "/_matrix/client/v4/sync";

let server, alice;
before(async () => {
  server = await Server.start();
  alice = await User.register(server, "alice");
});
after(() => server?.dispose());

async function slides(path, body) {
  const response = await raw(server, "POST", path, { token: alice.token, body });
  assert.equal(response.status, 200, response.text);
  return response.body;
}

test("both formats return a room and then what is new in it", async () => {
  const roomId = await alice.createsRoom({ preset: "private_chat", name: "Hall" });
  const older = { lists: { all: { ranges: [[0, 19]], timeline_limit: 5, required_state: [["m.room.create", ""]] } } };
  const newer = {
    lists: { all: { range: [0, 19], timeline_limit: 5, required_state: { include: [{ type: "m.room.create" }] } } },
  };
  const first = [await slides(unstable, older), await slides(merged, { ...newer, conn_id: "merged" })];
  for (const response of first) {
    const room = response.rooms[roomId];
    assert.equal(room.name, "Hall");
    assert.equal(room.initial, true);
    assert.deepEqual(room.required_state.map((e) => e.type), ["m.room.create"]);
    assert.equal(response.lists.all.count, 1);
  }

  const id = await alice.sends(roomId, "new");
  const next = [
    await slides(`${unstable}?pos=${first[0].pos}&timeout=20000`, older),
    await slides(merged, { ...newer, conn_id: "merged", pos: first[1].pos, timeout: 20000 }),
  ];
  for (const response of next) {
    assert.deepEqual(response.rooms[roomId].timeline.map((e) => e.event_id), [id]);
    assert.equal(response.rooms[roomId].num_live, 1);
  }

  const lost = await raw(server, "POST", `${unstable}?pos=p1_1_s1_1_1_1`, { token: alice.token, body: older });
  assert.deepEqual([lost.status, lost.body.errcode], [400, "M_UNKNOWN_POS"]);
});
