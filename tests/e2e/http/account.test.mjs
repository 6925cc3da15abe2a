// Data of an account: devices, filters, profile, account data, tags, push rules.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, call, refusedWith, v3, withPassword } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice, bob;
before(async () => {
  server = await Server.start();
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
});
after(() => server?.dispose());

test("devices are listed, renamed and, with the password, deleted", async () => {
  const user = await User.register(server);
  const [phone, tablet] = [await user.again({ device_id: "PHONE" }), await user.again({ device_id: "TABLET" })];
  assert.deepEqual(
    (await user.get(v3`devices`)).devices.map((d) => d.device_id).sort(), [user.deviceId, "PHONE", "TABLET"].sort());
  await user.put(v3`devices/PHONE`, { display_name: "My phone" });
  assert.equal((await user.get(v3`devices/PHONE`)).display_name, "My phone");
  await user.refused(404, "M_NOT_FOUND", "GET", v3`devices/NONE`);
  await user.refused(404, "M_NOT_FOUND", "PUT", v3`devices/NONE`, { display_name: "x" });

  assert.equal((await withPassword(user, "DELETE", v3`devices/PHONE`)).status, 200);
  await phone.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  assert.equal((await withPassword(user, "POST", v3`delete_devices`, { devices: ["TABLET"] })).status, 200);
  await tablet.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  assert.equal((await user.get(v3`devices`)).devices.length, 1);
});

test("a session for one deletion does not delete another device", async () => {
  const user = await User.register(server);
  await user.again({ device_id: "ONE" });
  await user.again({ device_id: "TWO" });
  const first = await user.call("DELETE", v3`devices/ONE`, {});
  const auth = { type: "m.login.password", session: first.body.session,
    identifier: { type: "m.id.user", user: user.id }, password: "password" };
  const other = await user.call("DELETE", v3`devices/TWO`, { auth });
  assert.notEqual(other.status, 200);
  await user.get(v3`devices/TWO`);
});

test("a filter is returned as it was uploaded, to its owner only", async () => {
  const filter = { room: { timeline: { limit: 3, types: ["m.room.message"] }, state: { lazy_load_members: true } },
    event_format: "client" };
  const { filter_id: id } = await alice.post(v3`user/${alice.id}/filter`, filter);
  assert.notEqual(id[0], "{");
  assert.deepEqual(await alice.get(v3`user/${alice.id}/filter/${id}`), filter);
  await alice.refused(404, "M_NOT_FOUND", "GET", v3`user/${alice.id}/filter/${"none"}`);
  await bob.refused(403, "M_FORBIDDEN", "GET", v3`user/${alice.id}/filter/${id}`);
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`user/${alice.id}/filter`, filter);
});

test("a profile is set by its owner, seen by all, and deleted field by field", async () => {
  await alice.put(v3`profile/${alice.id}/displayname`, { displayname: "Alice 🌻" });
  await alice.put(v3`profile/${alice.id}/avatar_url`, { avatar_url: "mxc://hybrid.test/flower" });
  await alice.put(v3`profile/${alice.id}/m.tz`, { "m.tz": "Europe/Berlin" });
  await alice.put(v3`profile/${alice.id}/org.example.pronouns`, { "org.example.pronouns": ["she", "her"] });
  const seen = (await call(server, "GET", v3`profile/${alice.id}`)).body;
  assert.deepEqual([seen.displayname, seen.avatar_url, seen["m.tz"], seen["org.example.pronouns"]],
    ["Alice 🌻", "mxc://hybrid.test/flower", "Europe/Berlin", ["she", "her"]]);
  assert.deepEqual(await bob.get(v3`profile/${alice.id}/displayname`), { displayname: "Alice 🌻" });

  await alice.delete(v3`profile/${alice.id}/m.tz`);
  await bob.refused(404, "M_NOT_FOUND", "GET", v3`profile/${alice.id}/m.tz`);
  await bob.refused(404, "M_NOT_FOUND", "GET", v3`profile/${"@nobody:hybrid.test"}`);
  await bob.refused(403, "M_FORBIDDEN", "PUT", v3`profile/${alice.id}/displayname`, { displayname: "Mallory" });
  await bob.refused(403, "M_FORBIDDEN", "DELETE", v3`profile/${alice.id}/displayname`);
  await alice.refused(
    400, ["M_MISSING_PARAM", "M_BAD_JSON"], "PUT", v3`profile/${alice.id}/displayname`, { other: "x" });
  await alice.refused(
    400, ["M_BAD_JSON", "M_INVALID_PARAM"], "PUT", v3`profile/${alice.id}/displayname`, { displayname: 5 });
  await alice.refused(400, "M_INVALID_PARAM", "PUT", v3`profile/${alice.id}/${"Bad Key"}`, { "Bad Key": "x" });
  const long = `org.${"k".repeat(300)}`;
  await alice.refused(400, "M_KEY_TOO_LARGE", "PUT", v3`profile/${alice.id}/${long}`, { [long]: "x" });
});

test("a new display name reaches the rooms of its owner", async () => {
  const carol = await User.register(server);
  const roomId = await carol.createsRoom();
  const { next_batch: since } = await carol.sync();
  await carol.put(v3`profile/${carol.id}/displayname`, { displayname: "Carol" });
  assert.equal((await carol.state(roomId, "m.room.member", carol.id)).displayname, "Carol");
  await carol.syncUntil(since, (r) => JSON.stringify(r.rooms ?? {}).includes('"Carol"'));
});

test("account data is stored, synced, replaced and private", async () => {
  const { next_batch: since } = await alice.sync();
  await alice.put(v3`user/${alice.id}/account_data/org.example.setting`, { colour: "blue" });
  assert.deepEqual(await alice.get(v3`user/${alice.id}/account_data/org.example.setting`), { colour: "blue" });
  const response = await alice.sync({ since });
  assert.deepEqual(response.account_data.events, [{ type: "org.example.setting", content: { colour: "blue" } }]);
  await alice.refused(404, "M_NOT_FOUND", "GET", v3`user/${alice.id}/account_data/org.example.none`);
  await bob.refused(403, "M_FORBIDDEN", "GET", v3`user/${alice.id}/account_data/org.example.setting`);
  await bob.refused(403, "M_FORBIDDEN", "PUT", v3`user/${alice.id}/account_data/org.example.setting`, {});
  for (const type of ["m.fully_read", "m.push_rules"]) {
    await alice.refused(405, "M_BAD_JSON", "PUT", v3`user/${alice.id}/account_data/${type}`, {});
  }
});

test("a room's account data and tags stay with the room", async () => {
  const roomId = await alice.createsRoom();
  const { next_batch: since } = await alice.sync();
  await alice.put(v3`user/${alice.id}/rooms/${roomId}/account_data/org.example.note`, { text: "nice" });
  await alice.put(v3`user/${alice.id}/rooms/${roomId}/tags/m.favourite`, { order: 0.25 });
  await alice.put(v3`user/${alice.id}/rooms/${roomId}/tags/u.work`, {});
  const tags = { "m.favourite": { order: 0.25 }, "u.work": {} };
  assert.deepEqual((await alice.get(v3`user/${alice.id}/rooms/${roomId}/tags`)).tags, tags);
  assert.deepEqual(
    await alice.get(v3`user/${alice.id}/rooms/${roomId}/account_data/org.example.note`), { text: "nice" });
  const synced = (await alice.sync({ since })).rooms.join[roomId].account_data.events;
  assert.deepEqual(synced.find((e) => e.type === "m.tag").content.tags, tags);
  assert.deepEqual(synced.find((e) => e.type === "org.example.note").content, { text: "nice" });
  await alice.delete(v3`user/${alice.id}/rooms/${roomId}/tags/u.work`);
  assert.deepEqual(Object.keys((await alice.get(v3`user/${alice.id}/rooms/${roomId}/tags`)).tags), ["m.favourite"]);
  await bob.refused(403, "M_FORBIDDEN", "GET", v3`user/${alice.id}/rooms/${roomId}/tags`);
  await alice.refused(
    400, "M_INVALID_PARAM", "PUT", v3`user/${alice.id}/rooms/${"not a room"}/account_data/org.example.note`, {});
  await alice.refused(405, "M_BAD_JSON", "PUT", v3`user/${alice.id}/rooms/${roomId}/account_data/m.fully_read`, {});
});

test("push rules come with defaults, take new ones in order, and change", async () => {
  const user = await User.register(server);
  const rule = (kind, id) => v3`pushrules/global/${kind}/${id}`;
  const all = await user.get("/_matrix/client/v3/pushrules/");
  assert.equal(all.global.override[0].rule_id, ".m.rule.master");
  assert.equal(all.global.override[0].enabled, false);
  assert.deepEqual(await user.get("/_matrix/client/v3/pushrules/global/"), all.global);

  const { next_batch: since } = await user.sync();
  await user.put(
    rule("content", "cake"), { pattern: "cake", actions: ["notify", { set_tweak: "sound", value: "default" }] });
  await user.put(`${rule("content", "tea")}?before=cake`, { pattern: "tea", actions: ["notify"] });
  await user.put(`${rule("content", "milk")}?after=tea`, { pattern: "milk", actions: [] });
  const ours = (await user.get("/_matrix/client/v3/pushrules/")).global.content.filter((r) => !r.default)
    .map((r) => r.rule_id);
  assert.deepEqual(ours, ["tea", "milk", "cake"]);
  assert.ok(
    (await user.sync({ since })).account_data.events.some((e) => e.type === "m.push_rules"), "sync has the change");

  await user.put(v3`pushrules/global/content/cake/enabled`, { enabled: false });
  assert.equal((await user.get(v3`pushrules/global/content/cake/enabled`)).enabled, false);
  await user.put(v3`pushrules/global/content/cake/actions`, { actions: ["notify"] });
  assert.deepEqual((await user.get(v3`pushrules/global/content/cake/actions`)).actions, ["notify"]);
  assert.equal((await user.get(rule("content", "cake"))).pattern, "cake");
  await user.delete(rule("content", "cake"));
  await user.refused(404, "M_NOT_FOUND", "GET", rule("content", "cake"));
  await user.refused(404, "M_NOT_FOUND", "DELETE", rule("content", "cake"));
  await user.refused(404, "M_NOT_FOUND", "PUT", v3`pushrules/global/content/none/enabled`, { enabled: true });
});

test("a pusher is set, listed and deleted, and notifications are listed", async () => {
  const user = await User.register(server);
  const other = await User.register(server);
  const pusher = {
    kind: "http", app_id: "org.example.app", pushkey: "a key", app_display_name: "App", device_display_name: "Phone",
    profile_tag: "tag", lang: "en",
    data: { url: "https://push.invalid/_matrix/push/v1/notify", format: "event_id_only" },
  };
  await user.post(v3`pushers/set`, pusher);
  assert.deepEqual((await user.get(v3`pushers`)).pushers, [pusher]);
  await user.post(v3`pushers/set`, { kind: null, app_id: pusher.app_id, pushkey: pusher.pushkey });
  assert.deepEqual((await user.get(v3`pushers`)).pushers, []);

  const { room_id: room } = await user.post(v3`createRoom`, { preset: "public_chat" });
  await other.post(v3`join/${room}`, {});
  const id = await other.sends(room, "hello");
  const list = await user.get(v3`notifications`);
  assert.deepEqual(list.notifications.map((n) => n.event.event_id), [id]);
});

test("invalid push rules are refused", async () => {
  const user = await User.register(server);
  const bad = ["M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN", "M_MISSING_PARAM"];
  const put = (kind, id, body) => user.call("PUT", v3`pushrules/global/${kind}/${id}`, body);
  refusedWith(await put("nokind", "x", { actions: [] }), 404, "M_UNRECOGNIZED");
  refusedWith(await put("override", ".mine", { actions: [], conditions: [] }), 400, bad);
  refusedWith(await put("override", "x", { conditions: [] }), 400, bad);
  refusedWith(await put("override", "x", { actions: "notify", conditions: [] }), 400, bad);
  refusedWith(await put("content", "x", { actions: [] }), 400, bad);
  const orphan = await user.call(
    "PUT", `${v3`pushrules/global/override/x`}?before=none`, { actions: [], conditions: [] });
  assert.ok([400, 404].includes(orphan.status), orphan.text);
});

