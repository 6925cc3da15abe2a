// The admin page in a browser: by keyboard, at phone and desktop width, light and dark, with data in it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, raw, v3 } from "../support/client.mjs";
import { png } from "../support/png.mjs";
import { freePort } from "../support/ports.mjs";
import { Server } from "../support/server.mjs";
import { Peer } from "../peer/peer.mjs";
import { idOf } from "../peer/pdu.mjs";
import { Authority } from "../peer/tls.mjs";
import { browse, complaintsOf, picture, pictures } from "./chromium.mjs";

const names = [
  ["ada", "Ada Lovelace"], ["grace", "Grace Hopper"], ["alan", "Alan <b>Turing</b>"], ["edsger", "Edsger Dijkstra"],
  ["barbara", "Barbara Liskov"], ["donald", "Donald Knuth"], ["margaret", "Margaret Hamilton"],
];
let server, authority, peer, admin, ada, grace, forked, reported, listed, uri, browser, page, outside, complaints;

before(async () => {
  authority = new Authority();
  peer = new Peer(authority, await freePort());
  await peer.start();
  const name = `127.0.0.1:${await freePort()}`;
  const { certificate, key } = authority.issue("server", "127.0.0.1");
  server = await Server.start({
    MATRIX_SERVER_NAME: name, MATRIX_LISTENERS__FEDERATION: name, MATRIX_TLS__CERTIFICATE: certificate,
    MATRIX_TLS__KEY: key, MATRIX_FEDERATION__CUSTOM_CA: authority.file,
    MATRIX_FEDERATION__ALLOW_NETWORKS: "127.0.0.0/8",
  });
  await peer.fetchKeys(name);
  await seed();
  ({ browser, page, outside } = await browse(join(server.folder, "browser")));
  complaints = complaintsOf(page);
});
after(async () => {
  await browser?.close();
  await server?.dispose();
  await peer?.dispose();
  authority?.dispose();
});

/** Users, rooms, a forked graph, media, reports, a policy list, and a server that does not answer. */
async function seed() {
  admin = await User.register(server, "root", { admin: true });
  for (const [name, shown] of names) {
    const user = await User.register(server, name);
    await user.put(v3`profile/${user.id}/displayname`, { displayname: shown });
    if (name === "ada") ada = user;
    if (name === "grace") grace = user;
  }
  const rooms = ["Analytical Engine", "Compilers", "Moon landing", "Lisp & friends <i>", "Structured programming"];
  for (const name of rooms) {
    const id = await ada.createsRoom({ preset: "public_chat", name, topic: `All about ${name.toLowerCase()}` });
    await grace.joins(id);
    await grace.sends(id, `hello in ${name}`);
    reported ??= id;
  }
  const said = await grace.sends(reported, "buy cheap engines at example.com");
  const reasons = ["spam", "<script>alert(1)</script>", "the same advertisement again and again, in each of our rooms"];
  for (const reason of reasons) await ada.post(v3`rooms/${reported}/report/${said}`, { reason });
  await ada.post(v3`rooms/${reported}/report`, { reason: "The whole room is advertisements." });
  await raw(server, "PUT", v3`directory/room/${`#engine:${server.name}`}`, {
    token: ada.token, body: { room_id: reported } });

  for (const [file, type, body] of [
    ["rose.png", "image/png", png(64, 48)], ["notes.txt", "text/plain", Buffer.from("notes")],
    ["page.html", "text/html", Buffer.from("<script>parent.owned = 1</script>")],
    ["picture.svg", "image/svg+xml", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")],
  ]) {
    const sent = await raw(server, "POST", `/_matrix/media/v3/upload?filename=${file}`, {
      token: ada.token, body, headers: { "content-type": type } });
    if (file === "page.html") uri = sent.body.content_uri;
  }

  forked = await ada.createsRoom({ preset: "public_chat", name: "Forked room" });
  const peter = peer.userId("peter");
  const room = await peer.join(server.name, forked, peter);
  for (let round = 0; round < 3; round++) {
    const previous = [...room.ends];
    const message = (body, options) =>
      room.make(peter, "m.room.message", { msgtype: "m.text", body }, options);
    const left = message("left", { previous });
    const right = message("right", { previous });
    const further = message("further right", { previous: [idOf(room.version, right)] });
    const third = message("a third branch", { previous });
    await peer.send(server.name, left, right, further, third);
    if (round < 2) await peer.send(server.name, message("together"));
  }

  listed = await ada.createsRoom({ preset: "private_chat", name: "Community moderation" });
  for (const [type, key, entity, reason] of [
    ["user", "a", "@spam*:*", "spam"], ["server", "b", "*.evil.example", "a server of spammers"],
    ["room", "c", "!bad:evil.example", "illegal content"],
  ]) {
    await ada.put(v3`rooms/${listed}/state/m.policy.rule.${type}/${key}`, {
      entity, reason, recommendation: "m.ban" });
  }
  server.settings.MATRIX_POLICY_LISTS__ROOMS = listed;
  await peer.dispose();
  await server.restart();
  await ada.sends(forked, "does anybody hear me?");
}

const url = (name) => `${server.url}/_synapse/admin/page/${name}`;

/** Pictures of the page, which is well formed. */
async function shows(name) {
  await pictures(page, `admin-${name}`);
  await wellFormed(name);
}

/** What a screen reader needs: one heading, labels of fields, captions of tables, the current section. */
async function wellFormed(name) {
  const faults = await page.evaluate(() => {
    const found = [];
    if (document.querySelectorAll("h1").length !== 1) found.push("there is not one h1");
    if (document.documentElement.lang !== "en") found.push("no language");
    for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
      if (!field.labels?.length) found.push(`no label: ${field.name}`);
    }
    for (const table of document.querySelectorAll("table")) {
      if (!table.caption?.textContent.trim()) found.push("a table without a caption");
      if (table.querySelector("tbody tr > :first-child:not(th[scope=row])")) found.push("a row without a heading");
    }
    for (const link of document.querySelectorAll("a, button")) {
      if (!link.textContent.trim()) found.push("a link without text");
    }
    const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
    if (new Set(ids).size !== ids.length) found.push("an id occurs twice");
    return found;
  });
  assert.deepEqual(faults, [], name);
}

const heading = (name) => page.getByRole("heading", { level: 1, name });
const done = (text) => page.getByRole("status").filter({ hasText: text }).waitFor();

test("an ordinary user does not get in, and an administrator does, by keyboard", async () => {
  await page.goto(url("users?q=ada"));
  await heading("Administration").waitFor();
  await shows("sign-in");
  for (const [name, password] of [["ada", "password"], ["root", "wrong"]]) {
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password").fill(password);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "does not administer" }).waitFor();
  }
  await shows("sign-in-wrong");
  await page.getByLabel("User name").focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("root");
  await page.keyboard.press("Tab");
  await page.keyboard.type("password");
  await page.keyboard.press("Enter");
  await heading("Users").waitFor();
  assert.equal(page.url(), url("users?q=ada"));
});

test("the first link of the keyboard skips to the content, and sections say which one is current", async () => {
  await page.goto(url("rooms"));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  assert.deepEqual(await page.locator(".side [aria-current=page]").allTextContents(), ["Rooms"]);
  await page.setViewportSize({ width: 390, height: 800 });
  await page.locator("summary").click();
  await picture(page, "admin-menu-phone");
  await page.locator(".menu").getByRole("link", { name: "Audit log" }).click();
  await heading("Audit log").waitFor();
});

test("the figures of the overview are renewed without a reload", async () => {
  await page.goto(url("overview"));
  await page.evaluate(() => (globalThis.stays = true));
  await shows("overview");
  const rooms = page.locator(".figures div", { hasText: "Sent events" }).locator("dd").first();
  const before = await page.locator(".chart polyline").getAttribute("points");
  for (let i = 0; i < 8; i++) await ada.sends(reported, `message ${i}`);
  await page.waitForFunction(
    (before) => document.querySelector(".chart polyline").getAttribute("points") !== before, before);
  assert.match(await rooms.textContent(), /\/s$/);
  assert.equal(await page.evaluate(() => globalThis.stays), true);
  await shows("overview-later");
});

test("users are searched, and one is suspended, locked and released", async () => {
  await page.goto(url("users"));
  await shows("users");
  await page.getByLabel("Name or user id").fill("grace");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: grace.id }).click();
  await heading(grace.id).waitFor();
  await shows("user");
  await page.getByRole("button", { name: "Suspend" }).click();
  await done("The account is suspended.");
  await page.getByRole("button", { name: "Lock" }).click();
  await done("The account is locked.");
  await shows("user-locked");
  assert.equal((await raw(server, "GET", v3`account/whoami`, { token: grace.token })).status, 401);
  await page.getByRole("button", { name: "Unlock" }).click();
  await page.getByRole("button", { name: "End the suspension" }).click();
  await done("not suspended any more");
  for (const tab of ["Devices", "Rooms", "Media"]) {
    await page.goto(url(`user?id=${encodeURIComponent(ada.id)}`));
    await page.locator(".tabs").getByRole("link", { name: tab }).click();
    await shows(`user-${tab.toLowerCase()}`);
  }
});

test("an account is deactivated after a question", async () => {
  const donald = `@donald:${server.name}`;
  await page.goto(url(`user?id=${encodeURIComponent(donald)}`));
  await page.getByRole("link", { name: "Deactivate" }).click();
  await shows("user-deactivate");
  await page.getByRole("button", { name: "Deactivate the account" }).click();
  await done("The account has ended.");
  await shows("user-deactivated");
  await page.goto(url(`user-password?id=${encodeURIComponent(ada.id)}`));
  await shows("user-password");
});

test("a room, its members, its state, and its graph with forks", async () => {
  await page.goto(url("rooms"));
  await shows("rooms");
  await page.getByRole("link", { name: "Members" }).click();
  await page.locator("th[aria-sort=ascending]").waitFor();
  await page.goto(url(`room?id=${encodeURIComponent(reported)}`));
  await shows("room");
  await page.getByRole("button", { name: "Block the room" }).click();
  await done("The room is blocked.");
  await page.getByRole("button", { name: "End the block" }).click();
  for (const tab of ["Members", "State"]) {
    await page.locator(".tabs").getByRole("link", { name: tab }).click();
    await shows(`room-${tab.toLowerCase()}`);
  }
  await page.getByRole("link", { name: "m.room.power_levels" }).click();
  await shows("room-event");
  await page.goto(url(`room-graph?id=${encodeURIComponent(forked)}`));
  const drawing = page.getByRole("img", { name: /forward extremities, [1-9]\d* forks/ });
  await drawing.waitFor();
  const listed = await page.getByRole("list", { name: "Events, the newest first" }).getByRole("listitem").count();
  assert.equal(await drawing.locator("circle:not(.newest)").count(), listed);
  await shows("room-graph");
  await page.goto(url(`room-admin?id=${encodeURIComponent(reported)}`));
  await shows("room-admin");
});

test("a room is deleted, a history purged and messages redacted, as jobs with progress", async () => {
  const until = new Date(Date.now() + 60_000).toISOString().slice(0, 16);
  const gone = await ada.createsRoom({ preset: "public_chat", name: "To be deleted" });
  const old = await ada.createsRoom({ preset: "public_chat", name: "Old messages" });
  const said = await ada.sends(old, "long ago");
  await ada.sends(old, "the last one");
  const ends = () => page.getByText("done", { exact: true }).first().waitFor({ timeout: 30_000 });

  await page.goto(url(`room?id=${encodeURIComponent(gone)}`));
  await page.getByRole("link", { name: "Delete the room" }).click();
  await heading(/Delete To be deleted/).waitFor();
  await page.getByLabel("Block the room too").check();
  await shows("room-delete");
  await page.getByRole("button", { name: "Delete the room" }).click();
  await done("The job has begun.");
  await shows("job");
  await ends();
  assert.equal((await ada.get(v3`joined_rooms`)).joined_rooms.includes(gone), false);
  assert.equal((await page.goto(url(`room?id=${encodeURIComponent(gone)}`))).status(), 404);

  await page.goto(url(`room?id=${encodeURIComponent(old)}`));
  await page.getByRole("link", { name: "Purge its history" }).click();
  await shows("room-purge");
  await page.getByLabel("Up to, in UTC").fill(until);
  await page.getByLabel("Messages of this server's users too").check();
  await page.getByRole("button", { name: "Purge the history" }).click();
  await done("The job has begun.");
  await ends();
  assert.equal((await raw(server, "GET", v3`rooms/${old}/event/${said}`, { token: ada.token })).status, 404);

  const hasty = await User.register(server, "hasty");
  await hasty.joins(reported);
  const mistake = await hasty.sends(reported, "what nobody should have said");
  await page.goto(url(`user?id=${encodeURIComponent(hasty.id)}`));
  await page.getByRole("link", { name: "Redact" }).click();
  await shows("user-redact");
  await page.getByLabel("Reason").fill("spam");
  await page.getByRole("button", { name: "Redact the messages" }).click();
  await done("The job has begun.");
  await ends();
  assert.deepEqual((await ada.get(v3`rooms/${reported}/event/${mistake}`)).content, {});
  await page.goto(url("jobs"));
  await page.getByRole("link", { name: "room.delete" }).waitFor();
  await shows("jobs");
});

test("an account is created", async () => {
  await page.goto(url("user-new"));
  await shows("user-new");
  await page.getByLabel("User name").fill("katherine");
  await page.getByLabel("Display name").fill("Katherine Johnson");
  await page.getByLabel("Password").fill("a long new password");
  await page.getByRole("button", { name: "Create the account" }).click();
  await done("The account is created.");
  await heading(`@katherine:${server.name}`).waitFor();
});

test("media is quarantined and deleted, and an uploaded page runs nothing", async () => {
  await page.goto(url("media"));
  await shows("media");
  await page.getByLabel("URI").fill(uri);
  await page.getByRole("button", { name: "Look it up" }).click();
  await shows("file");
  await page.getByRole("button", { name: "Quarantine" }).click();
  await done("in quarantine");
  await page.getByRole("button", { name: "Release" }).click();
  await done("served again");
  const path = `/_matrix/client/v1/media/download/${uri.slice("mxc://".length)}?access_token=${ada.token}`;
  const kind = await page.evaluate(async (path) => {
    const frame = document.createElement("iframe");
    frame.src = path;
    const response = await fetch(path).then((r) => r.headers.get("content-security-policy"), () => "refused");
    document.body.append(frame);
    await new Promise((done) => setTimeout(done, 300));
    return [response, globalThis.owned];
  }, path);
  assert.equal(kind[1], undefined);
  assert.ok(kind[0] === "refused" || kind[0].startsWith("sandbox"), kind[0]);
  complaints.length = 0;
  await page.goto(url(`file?uri=${encodeURIComponent(uri)}`));
  await page.getByRole("link", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the file" }).click();
  await done("The file is deleted.");
});

test("reports are text, with their event", async () => {
  await page.goto(url("reports"));
  await shows("reports");
  await page.getByRole("cell", { name: "<script>alert(1)</script>" }).waitFor();
  await page.getByRole("link", { name: /^event of/ }).first().click();
  await page.getByText("buy cheap engines").waitFor();
  await shows("report");
});

test("a server that does not answer is tried again", async () => {
  await page.goto(url("servers"));
  await page.getByText("failed 1 times").or(page.getByText(/failed \d+ times/)).first().waitFor();
  await shows("servers");
  await page.getByRole("link", { name: peer.name }).click();
  await shows("server");
  await page.getByRole("button", { name: "Try now" }).click();
  await page.getByRole("alert").filter({ hasText: "The attempt failed" }).waitFor();
  await shows("server-failed");
});

test("policy lists, tokens, notices, audit log", async () => {
  await page.goto(url("policies"));
  await page.getByText("*.evil.example").waitFor();
  await shows("policies");
  await page.goto(url("tokens"));
  await page.getByLabel("Token (empty").fill("two words");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("alert").filter({ hasText: "characters" }).waitFor();
  await page.getByLabel("Token (empty").fill("spring-meeting");
  await page.getByLabel("Uses").fill("20");
  await page.getByLabel("Ends").fill("2999-05-01T18:00");
  await page.getByRole("button", { name: "Create" }).click();
  await done("spring-meeting");
  await shows("tokens");
  await page.goto(url("notices"));
  await shows("notices");
  await page.getByLabel("User id").fill("ada");
  await page.getByLabel("Text").fill("Maintenance tonight");
  await page.getByRole("button", { name: "Send" }).click();
  await done("The notice is sent");
  await page.goto(url("audit"));
  await shows("audit");
  await page.goto(url("user?id=@nobody:nowhere.example"));
  await shows("not-found");
});

test("the page cannot be framed by another site", async () => {
  const other = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<iframe src="${url("users")}"></iframe>`);
  }).listen(0, "127.0.0.1");
  await new Promise((listening) => other.once("listening", listening));
  await page.goto(`http://localhost:${other.address().port}/`);
  await page.waitForTimeout(500);
  const frame = page.frames()[1];
  assert.ok(!frame || !(await frame.content().catch(() => "")).includes(ada.id));
  complaints.length = 0;
  other.close();
});

test("the sign-out ends it, and the pages raised no errors", async () => {
  await page.goto(url("overview"));
  await page.getByRole("button", { name: "Sign out" }).click();
  await heading("Administration").waitFor();
  await page.goto(url("users"));
  await heading("Administration").waitFor();
  assert.deepEqual(complaints, []);
  assert.deepEqual(outside, []);
});
