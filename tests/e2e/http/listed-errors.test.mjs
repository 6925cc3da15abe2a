// Errors that the specification lists for an operation, and that no other test meets on its way.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, call, raw, refusedWith, v1, v3, withPassword } from "../support/client.mjs";
import { isUnrecognised } from "../support/findings.mjs";
import { World, requestOf } from "../support/requests.mjs";
import { Server } from "../support/server.mjs";
import { everyOperation, present, statusesOf } from "../support/spec.mjs";

const limited = [
  "LOGIN", "PASSWORD", "REGISTRATION", "SEND", "MEMBERSHIP", "OTHER", "RECURSION", "REPORTS", "DIRECTORIES"];
const operations = present ? everyOperation() : [];
let server, world;
before(async () => {
  server = await Server.start();
  world = await World.create(server);
});
after(() => server?.dispose());

test("rooms and aliases that do not exist are not found", async () => {
  const { alice } = world;
  const nowhere = "!nowhere:hybrid.test";
  await alice.refused(404, "M_NOT_FOUND", "POST", v3`knock/${"#nowhere:hybrid.test"}`, {});
  refusedWith(await call(server, "GET", v3`directory/list/room/${nowhere}`), 404, "M_NOT_FOUND");
  await alice.refused(404, "M_NOT_FOUND", "PUT", v3`directory/list/room/${nowhere}`, { visibility: "public" });
});

test("without a public URL there is no OAuth", async () => {
  refusedWith(await call(server, "GET", v1`auth_metadata`), 404, "M_UNRECOGNIZED");
});

test("no event is found beyond the last one", async () => {
  const path = `${v1`rooms/${world.roomId}/timestamp_to_event`}?dir=f&ts=${Date.now() + 3_600_000}`;
  await world.alice.refused(404, "M_NOT_FOUND", "GET", path);
});

test("a cross-signing key may not be named as a device is", async () => {
  const user = await User.register(server);
  const device = (await user.again({ device_id: "A".repeat(43) })).deviceId;
  const key = { user_id: user.id, usage: ["master"], keys: { [`ed25519:${device}`]: device } };
  await user.refused(403, "M_FORBIDDEN", "POST", v3`keys/device_signing/upload`, { master_key: key });
});

test("a login token logs a second client in, once", async () => {
  const user = await User.register(server);
  const { body } = await withPassword(user, "POST", v1`login/get_token`);
  const login = { type: "m.login.token", token: body.login_token };
  assert.equal((await call(server, "POST", v3`login`, { body: login })).body.user_id, user.id);
  refusedWith(await call(server, "POST", v3`login`, { body: login }), 403, ["M_FORBIDDEN", "M_UNKNOWN_TOKEN"]);
});

test("who has no space left uploads and creates nothing", async () => {
  const small = await Server.start({ MATRIX_MEDIA__USER_FILES: "1" });
  try {
    const user = await User.register(small);
    const upload = () => call(small, "POST", "/_matrix/media/v3/upload",
      { token: user.token, body: "x", headers: { "content-type": "text/plain" } });
    assert.equal((await upload()).status, 200);
    refusedWith(await upload(), 403, ["M_FORBIDDEN", "M_USER_LIMIT_EXCEEDED"]);
    refusedWith(await call(small, "POST", "/_matrix/media/v1/create", { token: user.token }), 403,
      ["M_FORBIDDEN", "M_USER_LIMIT_EXCEEDED"]);
  } finally {
    await small.dispose();
  }
});

test("a room is not created for someone who blocks invites", async () => {
  const bob = await User.register(server);
  await bob.put(v3`user/${bob.id}/account_data/m.invite_permission_config`, { default_action: "block" });
  await world.alice.refused(403, "M_INVITE_BLOCKED", "POST", v3`createRoom`, { invite: [bob.id] });
});

test("a server that tells little of its users and rooms says so", async () => {
  const discreet = await Server.start({ MATRIX_PRESENCE__MODE: "off", MATRIX_PROFILES__SHOWN_TO: "shared_rooms",
    MATRIX_REPORTS__REFUSE_UNKNOWN: "true" });
  try {
    const [alice, bob] = [await User.register(discreet), await User.register(discreet)];
    const nobody = "@nobody:hybrid.test";
    const room = await alice.createsRoom({ preset: "public_chat" });
    await alice.refused(404, "M_NOT_FOUND", "GET", v3`presence/${alice.id}/status`);

    for (const user of [bob.id, nobody]) {
      await alice.refused(403, "M_FORBIDDEN", "GET", v3`profile/${user}`);
      await alice.refused(403, "M_FORBIDDEN", "GET", v3`profile/${user}/displayname`);
      refusedWith(await call(discreet, "GET", v3`profile/${user}`), 403, "M_FORBIDDEN");
    }
    await bob.joins(room);
    await alice.get(v3`profile/${bob.id}`);
    await alice.get(v3`profile/${alice.id}`);

    await alice.refused(404, "M_NOT_FOUND", "POST", v3`rooms/${"!none:hybrid.test"}/report`, { reason: "" });
    await alice.refused(404, "M_NOT_FOUND", "POST", v3`users/${nobody}/report`, { reason: "" });
    await alice.post(v3`rooms/${room}/report`, { reason: "" });
    await alice.post(v3`users/${bob.id}/report`, { reason: "" });
  } finally {
    await discreet.dispose();
  }
});

test("a server without registration has no registration tokens", async () => {
  const closed = await Server.start({ MATRIX_REGISTRATION__ENABLED: "false" });
  try {
    // The first user may always register.
    await User.register(closed);
    refusedWith(
      await call(closed, "GET", `${v1`register/m.login.registration_token/validity`}?token=none`), 403, "M_FORBIDDEN");
  } finally {
    await closed.dispose();
  }
});

test("the rate of every operation that says so is limited", { skip: !present }, async () => {
  const last = await User.register(server);
  for (const name of limited) {
    server.settings[`MATRIX_RATE_LIMITS__${name}_PER_SECOND`] = "0.0001";
    server.settings[`MATRIX_RATE_LIMITS__${name}_BURST`] = "1";
  }
  server.settings.MATRIX_RATE_LIMITS__ENABLED = "true";
  await server.restart();
  world.alice = last;
  const surprises = [];
  for (const operation of operations.filter((o) => statusesOf(o).includes(429))) {
    const send = () => {
      const { method, path, body } = requestOf(operation, world);
      return raw(server, method, path, { token: last.token, body });
    };
    let response = await send();
    for (let attempt = 0; attempt < 3 && response.status !== 429; attempt++) response = await send();
    if (isUnrecognised(response)) continue;
    const isLimited = response.status === 429 && response.body?.errcode === "M_LIMIT_EXCEEDED"
      && response.body.retry_after_ms > 0 && Number(response.headers.get("retry-after")) > 0;
    if (!isLimited) surprises.push(`${operation.id}: ${response.status} ${response.text}`);
  }
  assert.deepEqual(surprises, []);
});
