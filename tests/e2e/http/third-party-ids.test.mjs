// Mail addresses and phone numbers as clients use them: mails are read, links followed, codes typed.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { User, call, raw, refusedWith, v3, withPassword } from "../support/client.mjs";
import { Addresses } from "../support/mail.mjs";
import { Server } from "../support/server.mjs";

let addresses, server;
before(async () => {
  addresses = await Addresses.start();
  server = await Server.start({ ...addresses.settings, MATRIX_PUBLIC_BASE_URL: "http://localhost:8008",
    MATRIX_IDENTIFIERS__ALLOWED_ADDRESSES: "*@hybrid.example", MATRIX_IDENTIFIERS__ALLOWED_COUNTRIES: "GB" });
  addresses.identity = {
    "/hash_details": () => [200, { lookup_pepper: "pepper", algorithms: ["sha256"] }],
    "/lookup": () => [200, { mappings: {} }],
    "/store-invite": () => [200, { token: "token", display_name: "f...@h...", public_keys: [
      { public_key: "AAAA", key_validity_url: "https://id.example/valid" }] }],
    "/3pid/bind": ({ sid, mxid }) => sid === "good"
      ? [200, { medium: "email", address: "bound@hybrid.example", mxid, not_before: 0, not_after: 1, ts: 0,
        signatures: {} }]
      : [400, { errcode: "M_SESSION_NOT_VALIDATED", error: "Not yet." }],
    "/3pid/unbind": () => [200, {}],
  };
});
after(async () => {
  await server?.dispose();
  addresses?.dispose();
});

const fresh = () => `u${randomUUID().slice(0, 8)}@hybrid.example`;
const byMail = (email, more = {}) => ({ client_secret: randomUUID(), email, send_attempt: 1, ...more });
const byPhone = (number, more = {}) =>
  ({ client_secret: randomUUID(), country: "GB", phone_number: number, send_attempt: 1, ...more });

/** Presses the button of a link's page. */
async function press(link) {
  const page = await raw(server, "GET", link);
  assert.match(page.text, /<form method="post"><button>/);
  const done = await raw(server, "POST", link,
    { body: "", headers: { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" } });
  assert.equal(done.status, 200, done.text);
}

/** A confirmed session of a mail address. */
async function confirmed(path, email, token) {
  const body = byMail(email);
  const { sid } = (await call(server, "POST", path, { body, token })).body;
  await press(await addresses.linkTo(email));
  return { sid, client_secret: body.client_secret };
}

async function adds(user, email) {
  const session = await confirmed(v3`account/3pid/email/requestToken`, email, user.token);
  assert.equal((await withPassword(user, "POST", v3`account/3pid/add`, session)).status, 200);
}

test("an address is added by a link, listed, used to log in, and removed", async () => {
  const [alice, email] = [await User.register(server), fresh()];
  await adds(alice, email);
  const [listed] = (await alice.get(v3`account/3pid`)).threepids;
  assert.deepEqual([listed.medium, listed.address], ["email", email]);
  const login = { type: "m.login.password", password: "password",
    identifier: { type: "m.id.thirdparty", medium: "email", address: email.toUpperCase() } };
  assert.equal((await call(server, "POST", v3`login`, { body: login })).body.user_id, alice.id);
  assert.deepEqual(await alice.post(v3`account/3pid/delete`, { medium: "email", address: email }),
    { id_server_unbind_result: "no-support" });
  assert.deepEqual((await alice.get(v3`account/3pid`)).threepids, []);
  refusedWith(await call(server, "POST", v3`login`, { body: login }), 403, "M_FORBIDDEN");
});

test("a link that nobody pressed adds nothing", async () => {
  const [alice, email, body] = [await User.register(server), fresh(), byMail("")];
  body.email = email;
  const { sid } = (await call(server, "POST", v3`account/3pid/email/requestToken`, { body })).body;
  await raw(server, "GET", await addresses.linkTo(email));
  const refused = await withPassword(alice, "POST", v3`account/3pid/add`, { sid, client_secret: body.client_secret });
  assert.deepEqual([refused.status, refused.body.errcode], [400, "M_THREEPID_AUTH_FAILED"]);
});

test("a phone number is added by a code that is posted to the submit_url", async () => {
  const [alice, body] = [await User.register(server), byPhone("07700 900123")];
  const asked = (await call(server, "POST", v3`account/3pid/msisdn/requestToken`, { body })).body;
  const submit = (token) => raw(server, "POST", new URL(asked.submit_url).pathname,
    { body: { sid: asked.sid, client_secret: body.client_secret, token } });
  const code = await addresses.codeTo("447700900123");
  refusedWith(await submit("wrong"), 400, "M_TOKEN_INCORRECT");
  assert.deepEqual((await submit(code)).body, { success: true });
  const session = { sid: asked.sid, client_secret: body.client_secret };
  assert.equal((await withPassword(alice, "POST", v3`account/3pid/add`, session)).status, 200);
  const login = { type: "m.login.password", password: "password",
    identifier: { type: "m.id.phone", country: "GB", phone: "07700900123" } };
  assert.equal((await call(server, "POST", v3`login`, { body: login })).body.user_id, alice.id);
});

test("an account is registered with an address", async () => {
  const email = fresh();
  const account = { username: email.split("@")[0], password: "a passphrase" };
  const { flows, session } = (await call(server, "POST", v3`register`, { body: account })).body;
  assert.ok(flows.some(({ stages }) => stages.join() === "m.login.email.identity"));
  const auth = { type: "m.login.email.identity", session,
    threepid_creds: await confirmed(v3`register/email/requestToken`, email) };
  const made = await call(server, "POST", v3`register`, { body: { ...account, auth } });
  assert.equal(made.status, 200, made.text);
  assert.equal((await new User(server, made.body).get(v3`account/3pid`)).threepids[0].address, email);
});

test("a forgotten password is replaced, and devices are logged out", async () => {
  const [alice, email] = [await User.register(server), fresh()];
  await adds(alice, email);
  const body = { new_password: "remembered" };
  const { session } = (await call(server, "POST", v3`account/password`, { body })).body;
  const auth = { type: "m.login.email.identity", session,
    threepid_creds: await confirmed(v3`account/password/email/requestToken`, email) };
  assert.equal((await call(server, "POST", v3`account/password`, { body: { ...body, auth } })).status, 200);
  await alice.refused(401, "M_UNKNOWN_TOKEN", "GET", v3`account/whoami`);
  assert.match(await addresses.mailTo(email), /password of your account .* was changed/);
  const login = { type: "m.login.password", password: "remembered", identifier: { type: "m.id.user", user: alice.id } };
  assert.equal((await call(server, "POST", v3`login`, { body: login })).status, 200);
});

test("strangers do not learn whether an address or number is known", async () => {
  const [alice, email] = [await User.register(server), fresh()];
  await adds(alice, email);
  const known = (await call(server, "POST", v3`register/email/requestToken`, { body: byMail(email) })).body;
  assert.deepEqual(Object.keys(known), ["sid"]);
  assert.match(await addresses.mailTo(email), new RegExp(`${alice.id} has it already`));
  const unknown = fresh();
  const reset = v3`account/password/email/requestToken`;
  assert.deepEqual(Object.keys((await call(server, "POST", reset, { body: byMail(unknown) })).body), ["sid"]);
  assert.match(await addresses.mailTo(unknown), /no account there has this address/);
  for (const path of [v3`account/password/msisdn/requestToken`, v3`register/msisdn/requestToken`])
    assert.equal((await call(server, "POST", path, { body: byPhone("07700900555") })).status, 200);
  await alice.refused(400, "M_THREEPID_IN_USE", "POST", v3`account/3pid/email/requestToken`, byMail(email));
});

test("addresses that are none, or not allowed, are refused by each requestToken", async () => {
  for (const of of ["register", "account/3pid", "account/password"]) {
    const [email, phone] = ["email", "msisdn"].map((medium) => `/_matrix/client/v3/${of}/${medium}/requestToken`);
    const post = (path, body) => call(server, "POST", path, { body });
    refusedWith(await post(email, byMail("nobody")), 400, "M_INVALID_PARAM");
    refusedWith(await post(email, byMail("a@elsewhere.example")), 403, "M_THREEPID_DENIED");
    refusedWith(await post(phone, byPhone("nobody")), 400, "M_INVALID_PARAM");
    refusedWith(await post(phone, byPhone("015123456789", { country: "DE" })), 403, "M_THREEPID_DENIED");
  }
});

test("an address is bound at an identity server, and unbound", async () => {
  const alice = await User.register(server);
  const creds = { id_server: addresses.identityName, id_access_token: "there", client_secret: "secret" };
  await alice.refused(400, "M_SESSION_NOT_VALIDATED", "POST", v3`account/3pid/bind`, { ...creds, sid: "bad" });
  await alice.refused(403, "M_THREEPID_AUTH_FAILED", "POST", v3`account/3pid`,
    { three_pid_creds: { ...creds, sid: "bad" } });
  const bound = { medium: "email", address: "bound@hybrid.example" };
  for (const bind of [() => alice.post(v3`account/3pid/bind`, { ...creds, sid: "good" }),
    () => alice.post(v3`account/3pid`, { three_pid_creds: { ...creds, sid: "good" } })]) {
    await bind();
    assert.deepEqual(await alice.post(v3`account/3pid/unbind`, bound), { id_server_unbind_result: "success" });
  }
  const ended = await withPassword(alice, "POST", v3`account/deactivate`);
  assert.deepEqual(ended.body, { id_server_unbind_result: "success" });
});

test("somebody is invited by an address", async () => {
  const [alice, bob] = [await User.register(server), await User.register(server)];
  const roomId = await alice.createsRoom({ preset: "public_chat" });
  const invite = { medium: "email", address: fresh(), id_server: addresses.identityName, id_access_token: "there" };
  await alice.post(v3`rooms/${roomId}/invite`, invite);
  assert.equal((await alice.state(roomId, "m.room.third_party_invite", "token")).display_name, "f...@h...");
  await bob.refused(403, "M_FORBIDDEN", "POST", v3`rooms/${roomId}/invite`, invite);
});
