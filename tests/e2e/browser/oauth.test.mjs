// Sign-in by OAuth in a browser: the pages by keyboard, at phone and desktop width, light and dark.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, raw, v3 } from "../support/client.mjs";
import { authorization, exchange, insecure, metadataOf, none, oauth, register, scopeOf,
  startServer } from "../support/oauth.mjs";
import { application, browse, complaintsOf, pictures } from "./chromium.mjs";

let server, as, client, app, callback, browser, page, outside, complaints;
before(async () => {
  server = await startServer();
  as = await metadataOf(server);
  await User.register(server, "alice");
  client = await register(as);
  app = await application();
  callback = app.url;
  ({ browser, page, outside } = await browse(join(server.folder, "browser")));
  complaints = complaintsOf(page);
});
after(async () => {
  await browser?.close();
  app?.close();
  await server?.dispose();
});

test("a user registers, allows the client, and it has tokens", async () => {
  const asked = await authorization(as, client, callback, { prompt: "create", mode: "fragment" });
  await page.goto(asked.url.href);
  await pictures(page, "oauth-sign-up");
  await page.fill("[name=username]", "bob");
  await page.fill("[name=password]", "a passphrase");
  await page.fill("[name=password_again]", "a passphrase");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Allow Test client to use your account?" }).waitFor();
  await pictures(page, "oauth-consent");
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await page.waitForURL(`${callback}*`);
  const tokens = await exchange(as, client, asked, page.url());
  assert.match((await raw(server, "GET", v3`account/whoami`, { token: tokens.access_token })).body.user_id, /^@bob:/);
});

test("another user signs in by keyboard, and may refuse", async () => {
  await browser.clearCookies();
  const asked = await authorization(as, client, callback);
  await page.goto(asked.url.href);
  await pictures(page, "oauth-sign-in");
  await page.getByLabel("User name").focus();
  await page.keyboard.type("alice");
  await page.keyboard.press("Tab");
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "wrong" }).waitFor();
  await pictures(page, "oauth-sign-in-wrong");
  await page.getByLabel("Password").fill("password");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Do not allow" }).click();
  await page.waitForURL(`${callback}*`);
  assert.equal(new URL(page.url()).searchParams.get("error"), "access_denied");
});

test("a device is signed in by its code, and signed out again", async () => {
  const begun = await oauth.processDeviceAuthorizationResponse(as, client, await oauth.deviceAuthorizationRequest(
    as, client, none, { scope: scopeOf("TELEVISION") }, insecure));
  await page.goto(begun.verification_uri_complete);
  await pictures(page, "oauth-code");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Sign the device in" }).waitFor();
  await pictures(page, "oauth-code-confirm");
  await page.getByRole("button", { name: "Sign the device in" }).click();
  await page.getByRole("heading", { name: "The device is signed in" }).waitFor();
  const response = await oauth.deviceCodeGrantRequest(as, client, none, begun.device_code, insecure);
  const tokens = await oauth.processDeviceCodeResponse(as, client, response);

  await page.goto(`${as.account_management_uri}?action=org.matrix.devices_list`);
  await pictures(page, "oauth-devices");
  await page.getByRole("link", { name: "Test client" }).first().click();
  await pictures(page, "oauth-device");
  await page.getByRole("link", { name: "Sign this device out" }).click();
  await pictures(page, "oauth-device-delete");
  await page.getByLabel("Your password").fill("password");
  await page.getByRole("button", { name: "Sign the device out" }).click();
  await page.getByRole("heading", { name: "The device is signed out" }).waitFor();
  assert.equal((await raw(server, "GET", v3`account/whoami`, { token: tokens.access_token })).status, 401);
});

test("the pages of the account", async () => {
  for (const action of ["profile", "cross_signing_reset", "account_deactivate"]) {
    await page.goto(`${as.account_management_uri}?action=org.matrix.${action}`);
    await pictures(page, `oauth-${action}`);
  }
});

test("the pages raised no errors, and nothing tried to leave this machine", () => {
  assert.deepEqual(complaints, []);
  assert.deepEqual(outside, []);
});
