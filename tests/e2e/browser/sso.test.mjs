// Single sign-on in a browser: the pages at phone and desktop width, light and dark, and the fallback pages.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { raw, v3 } from "../support/client.mjs";
import { startServer } from "../support/oauth.mjs";
import { Provider } from "../support/provider.mjs";
import { application, browse, complaintsOf, pictures } from "./chromium.mjs";

const terms = { name: "Terms of Service", url: "https://a.example/terms" };
const policies = { terms_of_service: { version: "1.2", en: terms } };
let provider, server, app, client, browser, page, complaints;
before(async () => {
  provider = await Provider.start();
  server = await startServer({ ...provider.settings(), MATRIX_TERMS__POLICIES: JSON.stringify(policies) });
  app = await application();
  client = app.url;
  ({ browser, page } = await browse(join(server.folder, "browser")));
  complaints = complaintsOf(page);
});
after(async () => {
  await browser?.close();
  app?.close();
  await server?.dispose();
  provider?.stop();
});

const redirect = () => `${server.url}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent(client)}`;

test("a new person comes from the provider, accepts the policies, and goes to an unknown client", async () => {
  await page.goto(redirect());
  await pictures(page, "sso-sign-in");
  await page.getByRole("link", { name: "Continue with Example Corp" }).click();
  await page.getByLabel("Name").fill("Zoë");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Create your account" }).waitFor();
  await pictures(page, "sso-name");
  await page.getByLabel("User name").fill("zoe");
  await page.getByLabel("I accept: Terms of Service").check();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Allow an application to use your account?" }).waitFor();
  await pictures(page, "sso-client");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${client}*`);
  const token = new URL(page.url()).searchParams.get("loginToken");
  const login = await raw(server, "POST", v3`login`, { body: { type: "m.login.token", token } });
  assert.match(login.body.user_id, /^@zoe:/);

  const asked = await raw(server, "DELETE", v3`devices/${login.body.device_id}`,
    { token: login.body.access_token, body: {} });
  await page.goto(`${server.url}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${asked.body.session}`);
  await pictures(page, "sso-confirm");
  await page.getByRole("button", { name: "Sign in with Example Corp" }).click();
  await page.getByLabel("Name").fill("Zoë");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Done" }).waitFor();
  await pictures(page, "sso-done");
  const done = await raw(server, "DELETE", v3`devices/${login.body.device_id}`,
    { token: login.body.access_token, body: { auth: { session: asked.body.session } } });
  assert.equal(done.status, 200);
});

test("the fallback pages tell their opener", async () => {
  const asked = await raw(server, "POST", v3`register`, { body: { username: "yara", password: "a passphrase" } });
  await page.goto(`${client}?opener`);
  const opened = page.waitForEvent("popup");
  await page.evaluate((url) => {
    window.told = new Promise((done) => addEventListener("message", (event) => done(event.data)));
    open(url);
  }, `${server.url}/_matrix/client/v3/auth/m.login.terms/fallback/web?session=${asked.body.session}`);
  const popup = await opened;
  await popup.getByLabel("I accept: Terms of Service").check();
  await popup.getByRole("button", { name: "Continue" }).click();
  assert.equal(await page.evaluate(() => window.told), "authDone");
  await popup.close();
});

test("the login fallback logs in and gives the client the response", async () => {
  await page.addInitScript(() => {
    window.matrixLogin = { onLogin: (response) => { window.response = response; } };
  });
  await page.goto(`${server.url}/_matrix/static/client/login/?device_id=PHONE`);
  await pictures(page, "sso-login-fallback");
  await page.getByRole("link", { name: "Continue with Example Corp" }).click();
  await page.getByLabel("Name").fill("Zoë");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: /^Continue as @zoe:/ }).click();
  await page.getByRole("heading", { name: "You are logged in" }).waitFor();
  assert.equal((await page.evaluate(() => window.response)).device_id, "PHONE");
});

test("the pages raised no errors", () => assert.deepEqual(complaints, []));
