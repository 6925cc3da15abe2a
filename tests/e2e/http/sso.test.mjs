// Single sign-on, by a provider that speaks OpenID Connect.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, raw, refusedWith, v3 } from "../support/client.mjs";
import { startServer } from "../support/oauth.mjs";
import { Provider } from "../support/provider.mjs";

const app = "https://app.example/here?a=b";
let provider, server;
before(async () => {
  provider = await Provider.start();
  server = await startServer({ ...provider.settings(), MATRIX_SSO__CLIENT_URLS: "https://app.example/" });
});
after(async () => {
  await server?.dispose();
  provider?.stop();
});

/** Goes where a browser is led, with its cookie, until it leaves server and provider. */
async function follow(url, name) {
  let cookie;
  for (;;) {
    const asked = new URL(url);
    if (asked.origin === provider.issuer && !asked.searchParams.has("name")) asked.searchParams.set("name", name);
    if (asked.origin !== provider.issuer && asked.origin !== server.url) return url;
    const response = await fetch(asked, { redirect: "manual", headers: cookie ? { cookie } : {} });
    if (asked.origin === server.url && response.headers.getSetCookie().length > 0) {
      cookie = response.headers.getSetCookie().at(-1).split(";")[0];
    }
    const next = response.headers.get("location");
    assert.ok(next, `${asked}: ${response.status} ${await response.text()}`);
    url = new URL(next, asked).href;
  }
}

const redirect = (id = "") => `${server.url}/_matrix/client/v3/login/sso/redirect${id}?redirectUrl=${
  encodeURIComponent(app)}`;

test("a client is led to the provider and back with a token that logs it in", async () => {
  const { body } = await call(server, "GET", v3`login`);
  const flow = body.flows.find(({ type }) => type === "m.login.sso");
  assert.deepEqual(flow.identity_providers, [{ id: "corp", name: "Example Corp" }]);
  assert.equal(flow.oauth_aware_preferred, true);

  const back = new URL(await follow(redirect("/corp"), "alice"));
  assert.ok(back.href.startsWith(app));
  const login = { type: "m.login.token", token: back.searchParams.get("loginToken") };
  assert.match((await call(server, "POST", v3`login`, { body: login })).body.user_id, /^@alice:/);
  refusedWith(await call(server, "POST", v3`login`, { body: login }), 403, "M_FORBIDDEN");
});

test("a redirect needs a URL and a provider that the server has", async () => {
  const query = `?redirectUrl=${encodeURIComponent(app)}`;
  for (const path of [v3`login/sso/redirect`, v3`login/sso/redirect/corp`]) {
    assert.equal((await call(server, "GET", path + query)).status, 302);
  }
  refusedWith(await raw(server, "GET", v3`login/sso/redirect`), 400, "M_MISSING_PARAM");
  refusedWith(await raw(server, "GET", v3`login/sso/redirect/corp`), 400, "M_MISSING_PARAM");
  assert.equal((await raw(server, "GET", v3`login/sso/redirect/none` + "?redirectUrl=https://a.example/")).status, 404);
});
