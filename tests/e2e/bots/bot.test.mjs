// A bot made with matrix-bot-sdk.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, timeline, v1, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";
import { EchoBot, notices } from "./echo-bot.mjs";

let server, alice, echo, roomId, since;
before(async () => {
  server = await Server.start();
  alice = await User.register(server, "alice");
});
after(async () => {
  echo?.ends();
  await server?.dispose();
});

/** Waits until alice gets a notice of the bot, and returns it. */
async function answer(body) {
  const isIt = (event) => event.content.msgtype === "m.notice" && event.content.body.endsWith(body);
  const response = await alice.syncUntil(since, (r) => timeline(r, roomId).some(isIt));
  since = response.next_batch;
  return timeline(response, roomId).find(isIt);
}

test("a bot registers, is invited, joins by itself and answers a command", async () => {
  echo = await EchoBot.registers(server.url, "echo", join(server.folder, "bot.json"), "Echo");
  await echo.starts();
  roomId = await alice.createsRoom({ preset: "private_chat", invite: [echo.id] });
  since = (await alice.syncUntil(
    undefined, (r) => r.rooms?.join?.[roomId]?.summary?.["m.joined_member_count"] === 2)).next_batch;
  const id = await alice.sends(roomId, "!echo hello");
  const found = await answer("hello");
  assert.equal(found.sender, "@echo:hybrid.test");
  assert.equal(found.content["m.relates_to"]["m.in_reply_to"].event_id, id);
});

test("it answers after the server was killed and started again", async () => {
  await server.kill();
  await server.startAgain();
  await alice.sends(roomId, "!echo still there?");
  await answer("still there?");
});

test("it restarts, and answers what was asked meanwhile once, and nothing twice", async () => {
  echo.ends();
  await alice.sends(roomId, "!echo while you were away");
  await echo.starts();
  await answer("while you were away");
  await alice.sends(roomId, "!echo last");
  await answer("last");
  const { chunk } = await alice.messages(roomId);
  assert.deepEqual(notices(chunk), ["hello", "still there?", "while you were away", "last"]);
});

test("it uploads a file, sets its profile and uses the power that it is given", async () => {
  const bot = echo.client;
  const uri = await bot.uploadContent(Buffer.from("a note"), "text/plain", "note.txt");
  await bot.setDisplayName("Echo the bot");
  await alice.sets(roomId, "m.room.power_levels", "", {
    ...(await alice.state(roomId, "m.room.power_levels")), users: { [echo.id]: 50 },
  });
  assert.equal(await bot.userHasPowerLevelFor(echo.id, roomId, "m.room.topic", true), true);
  await bot.sendStateEvent(roomId, "m.room.topic", "", { topic: uri });
  assert.equal((await alice.state(roomId, "m.room.topic")).topic, uri);
  assert.equal((await alice.get(v3`profile/${echo.id}`)).displayname, "Echo the bot");
  // Its own `downloadContent` knows the path without authentication only, at which new media is not served.
  const path = v1`media/download/${uri.split("/")[2]}/${uri.split("/")[3]}`;
  const file = await bot.doRequest("GET", path, undefined, undefined, undefined, true, undefined, true);
  assert.equal(file.body.toString(), "a note");
});
