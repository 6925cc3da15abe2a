// Sessions: login, registration, tokens, passwords, deactivation.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { User, call, raw, refusedWith, v1, v3, withPassword } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server;
before(async () => (server = await Server.start({ MATRIX_PUBLIC_BASE_URL: "https://matrix.hybrid.test" })));
after(() => server?.dispose());

const name = () => `u${randomUUID().slice(0, 8)}`;
const passwordLogin = (user, password = "password", more = {}) =>
  ({ type: "m.login.password", identifier: { type: "m.id.user", user }, password, ...more });
const login = (body) => call(server, "POST", v3`login`, { body });

async function registers(body, query = "") {
  const first = await call(server, "POST", `${v3`register`}${query}`, { body });
  if (first.status !== 401) return first;
  assert.ok(first.body.flows.some((f) => f.stages.length === 1 && f.stages[0] === "m.login.dummy"), first.text);
  const auth = { type: "m.login.dummy", session: first.body.session };
  return await call(server, "POST", `${v3`register`}${query}`, { body: { ...body, auth } });
}

test("anyone can read the supported versions", async () => {
  const { body } = await call(server, "GET", "/_matrix/client/versions");
  assert.ok(body.versions.includes("v1.19"), body.versions);
  const wellKnown = await call(server, "GET", "/.well-known/matrix/client");
  assert.equal(wellKnown.body["m.homeserver"].base_url, "https://matrix.hybrid.test");
});

test("capabilities name the room versions and the default one", async () => {
  const user = await User.register(server);
  const { capabilities } = await user.get(v3`capabilities`);
  assert.equal(capabilities["m.room_versions"].default, "12");
  for (const version of ["10", "11", "12"]) assert.equal(capabilities["m.room_versions"].available[version], "stable");
  refusedWith(await call(server, "GET", v3`capabilities`), 401, "M_MISSING_TOKEN");
});

test("login flows include the password", async () => {
  const { body } = await call(server, "GET", v3`login`);
  assert.ok(body.flows.some((f) => f.type === "m.login.password"));
});

test("logging in with the right password gives a token that works, by local part or by user id", async () => {
  const user = await User.register(server, name());
  const localpart = user.id.slice(1).split(":")[0];
  for (const identifier of [localpart, user.id]) {
    const { status, body } = await login(passwordLogin(identifier));
    assert.equal(status, 200);
    assert.equal(body.user_id, user.id);
    const me = await new User(server, body).get(v3`account/whoami`);
    assert.deepEqual([me.user_id, me.device_id], [user.id, body.device_id]);
  }
  assert.equal(
    (await login({ type: "m.login.password", user: localpart, password: "password" })).status, 200,
    "the deprecated user key");
});

test("a login is refused with the wrong password, an unknown user, an unknown type or nothing at all", async () => {
  const user = await User.register(server, name());
  refusedWith(await login(passwordLogin(user.id, "wrong")), 403, "M_FORBIDDEN");
  refusedWith(await login(passwordLogin("nobody-here")), 403, "M_FORBIDDEN");
  refusedWith(await login(passwordLogin("@nobody:elsewhere.example")), 403, "M_FORBIDDEN");
  refusedWith(await login({ type: "org.example.unheard-of" }), 400, ["M_UNKNOWN", "M_INVALID_PARAM"]);
  refusedWith(await login({}), 400, ["M_BAD_JSON", "M_MISSING_PARAM"]);
  refusedWith(
    await login({ type: "m.login.password", password: "password" }), 400,
    ["M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM"]);
  refusedWith(await login({ ...passwordLogin(user.id), password: undefined }), 400, ["M_BAD_JSON", "M_MISSING_PARAM"]);
  refusedWith(
    await login({ ...passwordLogin(user.id), identifier: { type: "org.example.other" } }), 400,
    ["M_UNKNOWN", "M_UNRECOGNIZED", "M_INVALID_PARAM"]);
});

test("logging in again with a device id replaces that device's token", async () => {
  const user = await User.register(server, name());
  const second = await user.again({ device_id: "PHONE", initial_device_display_name: "Phone" });
  assert.equal(second.deviceId, "PHONE");
  const third = await user.again({ device_id: "PHONE", initial_device_display_name: "Another name" });
  await third.get(v3`account/whoami`);
  await second.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  assert.equal((await third.get(v3`devices/PHONE`)).display_name, "Phone", "the name of an existing device stays");
});

test("registering by the dummy stage makes an account whose name is then taken", async () => {
  const username = name();
  assert.equal((await call(server, "GET", `${v3`register/available`}?username=${username}`)).body.available, true);
  const { status, body } = await registers(
    { username, password: "a password", device_id: "DESK", initial_device_display_name: "Desk" });
  assert.equal(status, 200);
  assert.equal(body.user_id, `@${username}:${server.name}`);
  assert.equal(body.device_id, "DESK");
  await new User(server, body).get(v3`account/whoami`);
  refusedWith(await call(server, "GET", `${v3`register/available`}?username=${username}`), 400, "M_USER_IN_USE");
  refusedWith(
    await call(server, "POST", v3`register`, { body: { username, password: "passphrase" } }), 400, "M_USER_IN_USE");
  assert.equal((await login(passwordLogin(username, "a password"))).status, 200);
});

test("registration without login, without a name, of a guest, and with invalid names", async () => {
  const quiet = await registers({ username: name(), password: "passphrase", inhibit_login: true });
  assert.equal(quiet.status, 200);
  assert.equal(quiet.body.access_token, undefined);
  const nameless = await registers({ password: "passphrase" });
  assert.equal(nameless.status, 200);
  assert.match(nameless.body.user_id, /^@[a-z0-9._=/+-]+:/);
  refusedWith(
    await call(server, "POST", `${v3`register`}?kind=guest`, { body: {} }), 403,
    ["M_GUEST_ACCESS_FORBIDDEN", "M_FORBIDDEN"]);
  for (const username of ["with space", "ünï", "a:b", "@a", "x".repeat(300), "UPPER!"]) {
    refusedWith(
      await call(server, "POST", v3`register`, { body: { username, password: "passphrase" } }), 400,
      "M_INVALID_USERNAME");
    refusedWith(
      await call(server, "GET", `${v3`register/available`}?username=${encodeURIComponent(username)}`), 400,
      "M_INVALID_USERNAME");
  }
  refusedWith(await call(server, "GET", v3`register/available`), 400, "M_MISSING_PARAM");
});

test("an authentication session of one request does not authenticate another", async () => {
  const first = await call(server, "POST", v3`register`, { body: { username: name(), password: "passphrase" } });
  assert.equal(first.status, 401);
  const auth = { type: "m.login.dummy", session: `${first.body.session}x` };
  const answer = await call(server, "POST", v3`register`, { body: { username: name(), password: "passphrase", auth } });
  assert.notEqual(answer.status, 200);
});

test("an unknown registration token is not valid", async () => {
  const { body } = await call(server, "GET", `${v1`register/m.login.registration_token/validity`}?token=nonsense`);
  assert.equal(body.valid, false);
  refusedWith(await call(server, "GET", v1`register/m.login.registration_token/validity`), 400, "M_MISSING_PARAM");
});

test("a refresh token works until its successor is used", async () => {
  const user = await User.register(server, name());
  const { body: session } = await login(passwordLogin(user.id, "password", { refresh_token: true }));
  assert.ok(session.refresh_token && session.expires_in_ms > 0, JSON.stringify(session));
  const refresh = (token) => call(server, "POST", v3`refresh`, { body: { refresh_token: token } });

  const next = await refresh(session.refresh_token);
  assert.equal(next.status, 200);
  assert.ok(next.body.access_token && next.body.refresh_token);
  const lost = await refresh(session.refresh_token);
  assert.equal(lost.status, 200, "the answer may have been lost: the old token works until the new ones are used");
  await new User(server, { ...session, ...lost.body }).get(v3`account/whoami`);
  const old = await refresh(session.refresh_token);
  refusedWith(old, 401, "M_UNKNOWN_TOKEN");
  await new User(server, session).refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  refusedWith(await refresh("nonsense"), 401, "M_UNKNOWN_TOKEN");
  refusedWith(await call(server, "POST", v3`refresh`, { body: {} }), 400, ["M_BAD_JSON", "M_MISSING_PARAM"]);
});

test("logging out ends one token; logging out everywhere ends all", async () => {
  const one = await User.register(server, name());
  const [two, three] = [await one.again(), await one.again()];
  await one.post(v3`logout`);
  await one.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  await two.post(v3`logout/all`);
  await two.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  const gone = await three.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  assert.notEqual(gone.soft_logout, true, "the session is gone for good");
});

test("a token is read from the header or the query string; a missing or wrong one is refused", async () => {
  const user = await User.register(server, name());
  assert.equal((await call(server, "GET", `${v3`account/whoami`}?access_token=${user.token}`)).status, 200);
  refusedWith(await call(server, "GET", v3`account/whoami`), 401, "M_MISSING_TOKEN");
  refusedWith(await call(server, "GET", v3`account/whoami`, { token: "wrong" }), 401, "M_UNKNOWN_TOKEN");
  refusedWith(
    await call(server, "GET", v3`account/whoami`, { headers: { authorization: "Basic abc" } }), 401,
    ["M_MISSING_TOKEN", "M_UNKNOWN_TOKEN"]);
});

test("changing the password requires the old one and can end the other sessions", async () => {
  const user = await User.register(server, name());
  const other = await user.again();
  const kept = await withPassword(
    user, "POST", v3`account/password`, { new_password: "second password", logout_devices: false });
  assert.equal(kept.status, 200, kept.text);
  await other.get(v3`account/whoami`);
  refusedWith(await login(passwordLogin(user.id)), 403, "M_FORBIDDEN");
  const ended = await withPassword(
    user, "POST", v3`account/password`, { new_password: "third password" }, "second password");
  assert.equal(ended.status, 200, ended.text);
  await user.get(v3`account/whoami`);
  await other.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  const wrong = await withPassword(user, "POST", v3`account/password`, { new_password: "fourth password" }, "not it");
  assert.equal(wrong.status, 401);
  assert.equal(wrong.body.errcode, "M_FORBIDDEN");
});

test("a deactivated user is logged out, cannot log in, and keeps the name taken", async () => {
  const user = await User.register(server, name());
  const gone = await withPassword(user, "POST", v3`account/deactivate`, { erase: true });
  assert.equal(gone.status, 200, gone.text);
  await user.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  refusedWith(await login(passwordLogin(user.id)), 403, ["M_USER_DEACTIVATED", "M_FORBIDDEN"]);
  refusedWith(
    await call(server, "GET", `${v3`register/available`}?username=${user.id.slice(1).split(":")[0]}`), 400,
    "M_USER_IN_USE");
});

test("registration by the shared secret refuses a wrong code and a used nonce", async () => {
  const nonce = (await raw(server, "GET", "/_synapse/admin/v1/register")).body.nonce;
  const body = { nonce, username: name(), password: "passphrase", admin: false, mac: "00".repeat(20) };
  const refused = await raw(server, "POST", "/_synapse/admin/v1/register", { body });
  assert.equal(refused.status, 403, refused.text);
  const unknown = await raw(server, "POST", "/_synapse/admin/v1/register", { body: { ...body, nonce: "made up" } });
  assert.equal(unknown.status, 400, unknown.text);
});

test("the r0 names are the same endpoints", async () => {
  const user = await User.register(server, name());
  assert.equal((await user.get("/_matrix/client/r0/account/whoami")).user_id, user.id);
  assert.ok((await user.get("/_matrix/client/r0/sync?timeout=0")).next_batch);
});
