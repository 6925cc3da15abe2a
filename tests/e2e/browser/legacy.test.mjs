// The page by which a client of 2014 signs in if it knows no other way, at phone and desktop width, light and dark.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User } from "../support/client.mjs";
import { Server } from "../support/server.mjs";
import { browse, pictures } from "./chromium.mjs";

let server, browser, page;
before(async () => {
  server = await Server.start({ MATRIX_COMPATIBILITY__LEGACY_CLIENT_API: "true" });
  await User.register(server, "alice");
  ({ browser, page } = await browse(join(server.folder, "browser")));
});
after(async () => {
  await browser?.close();
  await server?.dispose();
});

test("a user signs in on the fallback page, and the client gets the token", async () => {
  await page.addInitScript(() => {
    window.matrixLogin = { onLogin: (response) => (window.signedIn = response) };
  });
  await page.goto(`${server.url}/_matrix/client/api/v1/login/fallback`);
  await pictures(page, "legacy-login");
  await page.locator("input:not([type=password]):not([type=hidden])").first().fill("alice");
  await page.locator("input[type=password]").fill("password");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => window.signedIn);
  assert.match(await page.evaluate(() => window.signedIn.user_id), /^@alice:/);
});
