// Mail addresses on the pages: a new account, a forgotten password, the account page; both widths, light and dark.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, call, raw, v3 } from "../support/client.mjs";
import { Addresses } from "../support/mail.mjs";
import { authorization, metadataOf, register, startServer } from "../support/oauth.mjs";
import { application, browse, complaintsOf, pictures } from "./chromium.mjs";

const address = "bob@mail.example";
let world, server, as, client, app, callback, browser, page, outside, complaints;
before(async () => {
  world = await Addresses.start();
  server = await startServer({ ...world.settings, MATRIX_REGISTRATION__ENABLED: "true" });
  await User.register(server, "alice");
  server.settings.MATRIX_REGISTRATION__REQUIRES_EMAIL = "true";
  await server.restart();
  as = await metadataOf(server);
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
  world?.dispose();
});

/** Opens the link of the mail in another tab, as a mail program does, and presses the button. */
async function confirms(to) {
  const link = await world.linkTo(to);
  const tab = await browser.newPage();
  await tab.goto(new URL(link, as.issuer).href);
  await tab.getByRole("button").click();
  await tab.getByRole("status").filter({ hasText: "Done" }).waitFor();
  await tab.close();
}

/** Gives an address on the page that asks for it, and confirms it. */
async function proves(to, name) {
  await pictures(page, `mail-${name}-ask`);
  await page.getByLabel("Mail address").fill(to);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Look at your mail" }).waitFor();
  await pictures(page, `mail-${name}-wait`);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("alert").filter({ hasText: "not confirmed yet" }).waitFor();
  await pictures(page, `mail-${name}-early`);
  await confirms(to);
  await page.getByRole("button", { name: "Continue" }).click();
}

test("a user registers with a mail address by keyboard", async () => {
  const asked = await authorization(as, client, callback, { prompt: "create" });
  await page.goto(asked.url.href);
  await proves(address, "sign-up");
  await page.getByRole("heading", { name: "Create an account" }).waitFor();
  await pictures(page, "mail-sign-up");
  await page.getByLabel("User name").fill("bob");
  await page.getByLabel("Password", { exact: true }).fill("a passphrase");
  await page.getByLabel("Password again").fill("a passphrase");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Allow Test client to use your account?" }).waitFor();
  const login = await call(server, "POST", v3`login`, { body: { type: "m.login.password", password: "a passphrase",
    identifier: { type: "m.id.thirdparty", medium: "email", address } } });
  assert.match(login.body.user_id, /^@bob:/);
});

test("a forgotten password is replaced, and the user signs in by the address", async () => {
  await browser.clearCookies();
  const asked = await authorization(as, client, callback);
  await page.goto(asked.url.href);
  await pictures(page, "mail-sign-in");
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  await proves(address, "forgotten");
  await page.getByRole("heading", { name: "Choose a new password" }).waitFor();
  await pictures(page, "mail-forgotten");
  await page.getByLabel("New password", { exact: true }).fill("another passphrase");
  await page.getByLabel("New password again").fill("another passphrase");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "The password is changed" }).waitFor();
  await pictures(page, "mail-forgotten-done");
  await page.getByRole("link", { name: "Go on" }).click();
  await page.getByLabel("User name").fill(address);
  await page.getByLabel("Password").fill("another passphrase");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Allow Test client to use your account?" }).waitFor();
});

test("addresses are added and removed on the account page", async () => {
  await page.goto(as.account_management_uri);
  await page.getByRole("link", { name: "Addresses" }).click();
  await pictures(page, "mail-addresses");
  await page.getByLabel("Mail address").fill("second@mail.example");
  await page.getByLabel("Mail address").press("Enter");
  await page.getByRole("heading", { name: "Look at your mail" }).waitFor();
  await pictures(page, "mail-addresses-wait");
  await confirms("second@mail.example");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "Add the address" }).waitFor();
  await pictures(page, "mail-addresses-add");
  await page.getByLabel("Your password").fill("another passphrase");
  await page.keyboard.press("Enter");
  await page.getByRole("status").filter({ hasText: "It is added." }).waitFor();
  await pictures(page, "mail-addresses-two");
  await page.getByLabel("Address or number").selectOption({ label: "second@mail.example" });
  await page.getByLabel("Your password").fill("another passphrase");
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("status").filter({ hasText: "It is removed." }).waitFor();
  assert.equal(await page.getByRole("listitem").count(), 1);
});

test("a client's fallback page confirms an address", async () => {
  const body = { new_password: "a third passphrase" };
  const asked = await raw(server, "POST", v3`account/password`, { body });
  const path = `/_matrix/client/v3/auth/m.login.email.identity/fallback/web?session=${asked.body.session}`;
  await page.goto(new URL(path, as.issuer).href);
  await proves(address, "fallback");
  await page.getByRole("heading", { name: "Done" }).waitFor();
  await pictures(page, "mail-fallback-done");
  const done = await raw(server, "POST", v3`account/password`,
    { body: { ...body, auth: { session: asked.body.session } } });
  assert.equal(done.status, 200);
});

test("the pages raised no errors, and nothing tried to leave this machine", () => {
  assert.deepEqual(complaints, []);
  assert.deepEqual(outside, []);
});
