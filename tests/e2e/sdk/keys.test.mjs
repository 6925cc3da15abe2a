// Keys that outlive a device, and users who verify each other.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";
import { Person, until } from "./person.mjs";
import { Recovery } from "./recovery.mjs";

let server, alice, bob, roomId;
const recovery = new Recovery();
const said = [];
before(async () => {
  server = await Server.start();
  [alice, bob] = await Promise.all([
    Person.registers(server, "alice", { cryptoCallbacks: recovery.callbacks() }), Person.registers(server, "bob")]);
  await Promise.all([alice.bootstrapsCrossSigning(), bob.bootstrapsCrossSigning()]);
  roomId = await alice.createsEncryptedRoom({ invite: [bob.id] });
  await bob.joins(roomId);
  await alice.knowsOf(bob, roomId);
});
after(async () => {
  [alice, bob].forEach((person) => person?.stops());
  await server?.dispose();
  // The Rust crypto has timers of its own.
  setTimeout(() => process.exit(), 500).unref();
});

/** How many sessions the server has. */
const backedUp = async () =>
  (await call(server, "GET", v3`room_keys/version`, { token: alice.client.getAccessToken() })).body.count;

test("two users verify each other by emoji in their room", async () => {
  const trusts = async (one, other) => (await one.crypto.getUserVerificationStatus(other.id)).isCrossSigningVerified();
  await until("alice has bob's keys", () => alice.crypto.userHasCrossSigningKeys(bob.id, true));
  assert.equal(await trusts(alice, bob), false);
  await alice.verifies(bob, alice.crypto.requestVerificationDM(bob.id, roomId));
  await until("alice trusts bob", () => trusts(alice, bob));
  await until("bob trusts alice", () => trusts(bob, alice));
});

test("keys are backed up under a recovery key", async () => {
  await recovery.setsUp(alice);
  for (const [person, other, body] of [[alice, bob, "my old hat"], [bob, alice, "your old coat"]]) {
    const id = await person.sends(roomId, body);
    assert.equal(await other.reads(roomId, id), body);
    said.push({ id, body });
  }
  await until("both sessions are backed up", async () => (await backedUp()) >= 2);
});

test("the only device is lost; a new one restores the keys and reads the old messages", async () => {
  await alice.client.logout(true);
  alice = await Person.logsIn(server, "alice", { cryptoCallbacks: recovery.callbacks() });
  await alice.sees(roomId);
  for (const { id } of said) {
    const event = await alice.gets(roomId, id);
    await until("it cannot be read yet", () => event.isDecryptionFailure());
  }
  const { total, imported } = await recovery.restores(alice);
  assert.equal(imported, total);
  assert.equal(total, await backedUp());
  assert.ok(total >= said.length);
  for (const { id, body } of said) assert.equal(await alice.reads(roomId, id), body);
});

test("the new device is one of its owner's to all, and what is sent from now on is backed up too", async () => {
  await until("bob sees it signed", async () =>
    (await bob.crypto.getDeviceVerificationStatus(alice.id, alice.deviceId))?.signedByOwner);
  const before = await backedUp();
  assert.ok(await alice.crypto.checkKeyBackupAndEnable());
  const id = await alice.sends(roomId, "with the new device");
  assert.equal(await bob.reads(roomId, id), "with the new device");
  await until("its session is backed up", async () => (await backedUp()) > before);
});
