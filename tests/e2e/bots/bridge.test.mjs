// A bridge made with matrix-appservice-bridge, registered by the file that it writes. It relays between two rooms: a
// puppet in the one speaks for each user of the other.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, timeline, v3 } from "../support/client.mjs";
import { freePort } from "../support/ports.mjs";
import { Server } from "../support/server.mjs";
import { Relay, registrationOf } from "./relay.mjs";

let server, alice, bob, relay, rooms, folder;
const puppetOf = (userId) => relay.puppetOf(userId);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "matrix-relay-"));
  const port = await freePort();
  const registration = registrationOf("hybrid.test", port);
  registration.outputAsYaml(join(folder, "relay.yaml"));
  server = await Server.start({ MATRIX_APP_SERVICES__FILES: folder });
  [alice, bob] = await Promise.all(["alice", "bob"].map((name) => User.register(server, name)));
  relay = new Relay(server.url, "hybrid.test", port, registration);
  rooms = relay.rooms;
  await relay.starts();
});
after(async () => {
  await relay?.ends();
  await server?.dispose();
  if (folder) rmSync(folder, { recursive: true });
});

/** Waits for a message of a sender in a room. */
async function hears(user, roomId, sender, body) {
  const isIt = (event) => event.sender === sender && event.content.body === body;
  await user.syncUntil(undefined, (response) => timeline(response, roomId).some(isIt));
}

test("messages are relayed between two rooms by puppets, both ways", async () => {
  for (const user of [alice, bob]) rooms.push(await user.createsRoom({ preset: "public_chat" }));
  for (const room of rooms) await relay.intent().join(room);
  await alice.sends(rooms[0], "hello over there");
  await hears(bob, rooms[1], puppetOf(alice.id), "hello over there");
  await bob.sends(rooms[1], "hello yourself");
  await hears(alice, rooms[0], puppetOf(bob.id), "hello yourself");
});

test("a puppet has a name and shows that it types and has read", async () => {
  const puppet = relay.intent(puppetOf(bob.id));
  await puppet.setDisplayName("bob, from the other room");
  assert.equal((await alice.get(v3`profile/${puppet.userId}`)).displayname, "bob, from the other room");
  const id = await alice.sends(rooms[0], "did you read this?");
  const { next_batch: since } = await alice.sync();
  await puppet.sendReadReceipt(rooms[0], id);
  await puppet.sendTyping(rooms[0], true);
  const seen = { "m.receipt": false, "m.typing": false };
  await alice.syncUntil(since, (response) => {
    for (const { type, content } of response.rooms?.join?.[rooms[0]]?.ephemeral?.events ?? []) {
      seen[type] ||= JSON.stringify(content).includes(puppet.userId);
    }
    return seen["m.receipt"] && seen["m.typing"];
  });
  await puppet.sendTyping(rooms[0], false);
});

test("an unknown alias of its namespace becomes a room, and an unknown user an account", async () => {
  const { room_id: channel } = await alice.post(v3`join/${"#_relay_garden:hybrid.test"}`);
  assert.equal((await alice.state(channel, "m.room.name")).name, "Channel _relay_garden");
  assert.equal(
    (await alice.get(v3`profile/${"@_relay_stranger:hybrid.test"}`)).displayname, "_relay_stranger (made on demand)");
});

test("a bridge that was away gets what it missed, also after a restart of the server", async () => {
  await relay.ends();
  for (const body of ["one", "two"]) await alice.sends(rooms[0], body);
  await server.restart();
  await alice.sends(rooms[0], "three");
  await relay.starts();
  await hears(bob, rooms[1], puppetOf(alice.id), "three");
  const { chunk } = await bob.messages(rooms[1]);
  const relayed = chunk.filter((event) => event.sender === puppetOf(alice.id) && event.type === "m.room.message");
  assert.deepEqual(
    relayed.map((event) => event.content.body).slice(0, 3).sort(), ["one", "three", "two"]);
});
