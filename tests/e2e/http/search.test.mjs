// Search: messages, and the user directory.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice, bob;
before(async () => {
  server = await Server.start();
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
});
after(() => server?.dispose());

const searches = async (user, criteria, from) => (await user.post(
  from ? v3`search?next_batch=${from}` : v3`search`,
  { search_categories: { room_events: criteria } })).search_categories.room_events;

test("messages are found in pages and groups, with what is around them", async () => {
  const roomId = await alice.createsRoom({ preset: "public_chat", name: "Martians" });
  await bob.joins(roomId);
  for (let i = 0; i < 4; i++) {
    await (i % 2 ? alice : bob).put(
      v3`rooms/${roomId}/send/m.room.message/search${i}`, { msgtype: "m.text", body: `martians and men ${i}` });
  }

  const criteria = {
    search_term: "Martians MEN", keys: ["content.body"], order_by: "recent", include_state: true,
    event_context: { before_limit: 2, after_limit: 2, include_profile: true },
    groupings: { group_by: [{ key: "room_id" }, { key: "sender" }] }, filter: { limit: 3 },
  };
  const first = await searches(alice, criteria);
  assert.equal(first.count, 4);
  assert.deepEqual(first.highlights, ["martians", "men"]);
  assert.deepEqual(first.results.map((hit) => hit.result.content.body.at(-1)), ["3", "2", "1"]);
  assert.equal(first.groups.room_id[roomId].results.length, 3);
  assert.equal(first.groups.sender[bob.id].results.length, 1);
  assert.ok(first.state[roomId].some((event) => event.type === "m.room.name"));
  const last = await searches(alice, criteria, first.next_batch);
  assert.deepEqual(last.results.map((hit) => hit.result.content.body.at(-1)), ["0"]);
  assert.equal(last.next_batch, undefined);
});

test("users of public rooms are found by name", async () => {
  await bob.put(v3`profile/${bob.id}/displayname`, { displayname: "Robert" });
  await bob.put(v3`profile/${bob.id}/avatar_url`, { avatar_url: "mxc://hybrid.test/robert" });
  const { results, limited } = await alice.post(v3`user_directory/search`, { search_term: "rob", limit: 5 });
  assert.deepEqual(
    [results, limited], [[{ user_id: bob.id, display_name: "Robert", avatar_url: "mxc://hybrid.test/robert" }], false]);
});
