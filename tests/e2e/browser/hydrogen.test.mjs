// The web client Hydrogen in a browser: somebody signs in and talks with somebody who uses the client API.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, timeline, v3 } from "../support/client.mjs";
import { png } from "../support/png.mjs";
import { Server } from "../support/server.mjs";
import { browse, picture } from "./chromium.mjs";
import { locatorsOf, patience } from "./hydrogen.mjs";
import { serve } from "./site.mjs";

const complaints = [];
let server, site, browser, page, outside, alice, bob, roomId;
before(async () => {
  server = await Server.start();
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
  await bob.put(v3`profile/${bob.id}/displayname`, { displayname: "Bob" });
  roomId = await alice.createsRoom({ preset: "private_chat", name: "Garden", invite: [bob.id] });
  await bob.joins(roomId);
  for (let i = 1; i <= 60; i++) await bob.sends(roomId, `seed ${i}.`);
  await alice.createsRoom({ preset: "public_chat", name: "Shed" });
  site = await serve(server.url);
  ({ browser, page, outside } = await browse(join(server.folder, "browser")));
  // A request that fails while the server restarts is tried again.
  page.on("pageerror", (error) => error.name === "ConnectionError" || complaints.push(`${error}`));
  page.on("response", (response) => {
    if (response.status() >= 500) complaints.push(`${response.status()} ${response.url()}`);
  });
});
after(async () => {
  if (page) await picture(page, "at-the-end");
  await browser?.close();
  site?.close();
  await server?.dispose();
});

const { message, roomInList, says } = locatorsOf(() => page);

test("she signs in and sees her rooms", async () => {
  await page.goto(site.url);
  await page.locator("#username").waitFor(patience);
  await picture(page, "sign-in");
  await page.fill("#username", "alice");
  await page.fill("#password", "wrong");
  await page.click("button[type=submit]");
  await page.locator(".PasswordLoginView .error, .LoginView .error, p.error").first().waitFor(patience);
  await page.fill("#password", "password");
  await page.click("button[type=submit]");
  await roomInList("Garden").waitFor(patience);
  await roomInList("Shed").waitFor(patience);
  await picture(page, "rooms");
});

test("she reads a room, and older messages as she scrolls", async () => {
  await roomInList("Garden").click();
  await message("seed 60.").waitFor(patience);
  await picture(page, "room");
  await page.locator(".Timeline_messageSender", { hasText: "Bob" }).first().waitFor(patience);
  const first = message("seed 1.");
  for (let i = 0; i < 200 && (await first.count()) === 0; i++) {
    await page.locator(".Timeline_scroller").evaluate((timeline) => (timeline.scrollTop = 0));
    await page.waitForTimeout(100);
  }
  await first.waitFor(patience);
  await page.locator(".Timeline_jumpDown").click(patience);
});

test("she sends a message that bob gets, and gets his", async () => {
  const { next_batch: since } = await bob.sync();
  await says("hello from the browser");
  const isHers = (event) => event.sender === alice.id && event.content.body === "hello from the browser";
  await bob.syncUntil(since, (response) => timeline(response, roomId).some(isHers));
  await bob.sends(roomId, "hello to the browser");
  await message("hello to the browser").waitFor(patience);
  assert.equal(await page.locator(".Timeline_message.unsent").count(), 0);
});

test("she sees a picture that bob sent", async () => {
  const uploaded = await fetch(`${server.url}/_matrix/media/v3/upload?filename=rose.png`, {
    method: "POST", body: png(640, 480),
    headers: { authorization: `Bearer ${bob.token}`, "content-type": "image/png" },
  });
  const { content_uri: url } = await uploaded.json();
  await bob.sends(
    roomId, { msgtype: "m.image", body: "rose.png", url, info: { w: 640, h: 480, mimetype: "image/png" } });
  const image = page.locator(".Timeline_messageBody img");
  await image.waitFor(patience);
  await page.waitForFunction(
    () => [...document.querySelectorAll(".Timeline_messageBody img")].some((i) => i.complete && i.naturalWidth > 100),
    undefined, patience);
  await picture(page, "picture");
});

test("she reacts, and sees bob's reaction and redaction", async () => {
  const id = await bob.sends(roomId, "shall we dig?");
  await message("shall we dig?").waitFor(patience);
  await bob.put(v3`rooms/${roomId}/send/m.reaction/r1`, {
    "m.relates_to": { rel_type: "m.annotation", event_id: id, key: "🌱" },
  });
  await page.locator(".Timeline_messageReactions button", { hasText: "🌱" }).waitFor(patience);
  const gone = await bob.sends(roomId, "a mistake");
  await message("a mistake").waitFor(patience);
  await bob.put(v3`rooms/${roomId}/redact/${gone}/x1`, {});
  await message("a mistake").waitFor({ state: "detached", ...patience });
  await picture(page, "reactions");
});

test("she is invited, accepts and talks there", async () => {
  const invited = await bob.createsRoom({ preset: "private_chat", name: "Pond", invite: [alice.id] });
  await roomInList("Pond").click(patience);
  await page.locator(".InviteView button", { hasText: "Accept" }).click(patience);
  await page.locator(".MessageComposer_input textarea").waitFor(patience);
  const { next_batch: since } = await bob.sync();
  await says("any frogs?");
  await bob.syncUntil(
    since, (response) => timeline(response, invited).some((event) => event.content.body === "any frogs?"));
});

test("she reloads and is still signed in, all is read, and a restart of the server goes unnoticed", async () => {
  await page.reload();
  await roomInList("Garden").click(patience);
  await message("hello to the browser").waitFor(patience);
  const badge = page.locator(".RoomList li", { hasText: "Garden" }).locator(".badge.hidden");
  await badge.waitFor({ state: "attached", ...patience });
  await picture(page, "reloaded");
  await server.restart();
  await bob.sends(roomId, "after the restart");
  await message("after the restart").waitFor(patience);
});

test("the page raised no errors, and nothing tried to leave this machine", () => {
  assert.deepEqual(complaints, []);
  assert.deepEqual(outside, []);
});
