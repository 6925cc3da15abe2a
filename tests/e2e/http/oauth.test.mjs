// The OAuth 2.0 API, with a standard client library.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, raw, v3 } from "../support/client.mjs";
import { endpoint } from "../support/findings.mjs";
import { Pages, authorization, deviceGrant, exchange, insecure, metadata, metadataOf, none, oauth, register, scopeOf,
  startServer } from "../support/oauth.mjs";

const callback = "http://127.0.0.1:4711/callback";
let server, as, alice, client;
before(async () => {
  server = await startServer({ MATRIX_OAUTH__DEVICE_CODE_LIFETIME: "10s", MATRIX_OAUTH__POLL_INTERVAL: "1s" });
  as = await metadataOf(server);
  alice = await User.register(server, "alice");
  client = await register(as);
});
after(() => server?.dispose());

test("A server with OAuth only has no legacy login", async () => {
  const only = await startServer({ MATRIX_OAUTH__ONLY: "true" });
  try {
    const { status, body } = await raw(only, "GET", v3`login`);
    assert.deepEqual([status, body.errcode], [404, "M_UNRECOGNIZED"]);
    assert.ok((await metadataOf(only)).issuer);
  } finally {
    await only.dispose();
  }
});

const form = async (path, fields) => {
  const response = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  return { status: response.status, body: await response.json() };
};

/** Expects an error of OAuth. */
async function refused(name, url, fields, error, status = 400) {
  const { status: found, body } = await form(url, fields);
  assert.deepEqual([found, body.error], [status, error], JSON.stringify(body));
  endpoint(name, error);
}

const whoAmI = (token) => raw(server, "GET", v3`account/whoami`, { token });

async function signIn(device) {
  const pages = new Pages();
  const asked = await authorization(as, client, callback, { device });
  await pages.signIn(asked.url.href, alice);
  assert.match(pages.text, /Allow Test client/);
  await pages.submit({ decision: "allow" });
  endpoint("authorization", "valid");
  return { pages, asked, tokens: await exchange(as, client, asked, pages.left) };
}

test("a user signs in, the client refreshes and signs out", async () => {
  const { tokens } = await signIn("DEVICE0001");
  endpoint("token", "valid");
  assert.equal(tokens.scope, scopeOf("DEVICE0001"));
  assert.equal((await whoAmI(tokens.access_token)).body.device_id, "DEVICE0001");

  const response = await oauth.refreshTokenGrantRequest(as, client, none, tokens.refresh_token, insecure);
  const fresh = await oauth.processRefreshTokenResponse(as, client, response);
  assert.equal((await whoAmI(fresh.access_token)).status, 200);
  assert.equal((await whoAmI(tokens.access_token)).status, 401);

  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, client, none, fresh.refresh_token, insecure));
  endpoint("revocation", "valid");
  assert.equal((await whoAmI(fresh.access_token)).status, 401);
});

test("the response can be in the fragment, and a refusal is an error for the client", async () => {
  const pages = new Pages();
  const asked = await authorization(as, client, callback, { mode: "fragment" });
  await pages.signIn(asked.url.href, alice);
  await pages.submit({ decision: "deny" });
  const answer = new URLSearchParams(new URL(pages.left).hash.slice(1));
  assert.throws(() => oauth.validateAuthResponse(as, client, answer, asked.state), { error: "access_denied" });
  endpoint("authorization", "access_denied");

  for (const [more, error] of [[{ scope: "openid" }, "invalid_scope"], [{ code_challenge: "x" }, "invalid_request"]]) {
    const wrong = await authorization(as, client, callback, more);
    await pages.open(wrong.url.href);
    const link = /href="(http[^"]+)"/.exec(pages.text)[1].replaceAll("&amp;", "&");
    const found = new URL(link).searchParams;
    assert.throws(() => oauth.validateAuthResponse(as, client, found, wrong.state), { error });
    endpoint("authorization", error);
  }
  await pages.open((await authorization(as, client, "https://evil.example/")).url.href);
  assert.equal(pages.status, 400);
  endpoint("authorization", "page");
});

test("a device without a browser signs in", async () => {
  const begun = await oauth.processDeviceAuthorizationResponse(as, client, await oauth.deviceAuthorizationRequest(
    as, client, none, { scope: scopeOf("TELEVISION") }, insecure));
  endpoint("device authorization", "valid");
  const poll = { grant_type: deviceGrant, client_id: client.client_id, device_code: begun.device_code };
  await refused("token", as.token_endpoint, poll, "authorization_pending");
  await refused("token", as.token_endpoint, poll, "slow_down");
  const pages = new Pages();
  await pages.signIn(begun.verification_uri_complete, alice);
  assert.match(pages.text, new RegExp(begun.user_code));
  await pages.submit({ user_code: begun.user_code });
  await pages.submit({ decision: "allow" });
  assert.match(pages.text, /The device is signed in/);
  await new Promise((done) => setTimeout(done, 1000));
  const response = await oauth.deviceCodeGrantRequest(as, client, none, begun.device_code, insecure);
  const tokens = await oauth.processDeviceCodeResponse(as, client, response);
  assert.equal((await whoAmI(tokens.access_token)).body.device_id, "TELEVISION");
});

test("a device that is refused or forgotten is told so", async () => {
  const begin = async (device) => await oauth.processDeviceAuthorizationResponse(
    as, client, await oauth.deviceAuthorizationRequest(as, client, none, { scope: scopeOf(device) }, insecure));
  const [first, second] = [await begin("RADIO00001"), await begin("RADIO00002")];
  const pages = new Pages();
  await pages.signIn(first.verification_uri, alice);
  await pages.submit({ user_code: first.user_code });
  await pages.submit({ decision: "deny" });
  const poll = ({ device_code }) => ({ grant_type: deviceGrant, client_id: client.client_id, device_code });
  await refused("token", as.token_endpoint, poll(first), "access_denied");
  await new Promise((done) => setTimeout(done, second.expires_in * 1000));
  await refused("token", as.token_endpoint, poll(second), "expired_token");
});

test("mistakes have the errors of OAuth", async () => {
  const id = client.client_id;
  await refused("token", as.token_endpoint, { client_id: id }, "invalid_request");
  await refused("token", as.token_endpoint, { client_id: id, grant_type: "password" }, "unsupported_grant_type");
  const refresh = { grant_type: "refresh_token", refresh_token: "none" };
  await refused("token", as.token_endpoint, { ...refresh, client_id: id }, "invalid_grant");
  await refused("token", as.token_endpoint, { ...refresh, client_id: "none" }, "invalid_client", 401);
  const other = await register(as, { grant_types: ["authorization_code"], client_name: "Another" });
  await refused("token", as.token_endpoint, { ...refresh, client_id: other.client_id }, "unauthorized_client");
  const device = as.device_authorization_endpoint;
  await refused("device authorization", device, { client_id: "none", scope: scopeOf("A") }, "invalid_client", 401);
  await refused("device authorization", device, { client_id: id, scope: "openid" }, "invalid_scope");
  await refused("revocation", as.revocation_endpoint, {}, "invalid_request");

  for (const [more, error] of [[{ client_uri: "http://client.example/" }, "invalid_client_metadata"],
    [{ redirect_uris: ["https://evil.example/"] }, "invalid_redirect_uri"]]) {
    const body = JSON.stringify(metadata(undefined, more));
    const response = await fetch(
      as.registration_endpoint, { method: "POST", body, headers: { "content-type": "application/json" } });
    assert.deepEqual([response.status, (await response.json()).error], [400, error]);
    endpoint("client registration", error);
  }
});

test("a user signs a device out on the account page", async () => {
  const { pages, tokens } = await signIn("DEVICE0002");
  await pages.open(`${as.account_management_uri}?action=org.matrix.device_delete&device_id=DEVICE0002`);
  assert.match(pages.text, /Sign a device out/);
  await pages.submit({ password: "wrong" });
  assert.equal(pages.status, 403);
  endpoint("account management", "wrong password");
  await pages.submit({ password: "password" });
  assert.match(pages.text, /The device is signed out/);
  endpoint("account management", "valid");
  assert.equal((await whoAmI(tokens.access_token)).status, 401);
});
