// Keys that outlive a device, and users who verify each other.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/index.js";
import { call, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";
import { Person, until } from "./person.mjs";

let server, alice, bob, roomId, recoveryKey;
const said = [];
before(async () => {
  server = await Server.start();
  [alice, bob] = await Promise.all([
    Person.registers(server, "alice", { cryptoCallbacks: secrets() }), Person.registers(server, "bob")]);
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

/** What a client does when it needs the key of the secret storage: it has it, or asks for the recovery key. */
function secrets() {
  const cached = new Map();
  return {
    cacheSecretStorageKey: (id, _, key) => cached.set(id, key),
    getSecretStorageKey: async ({ keys }) => {
      const [id] = Object.keys(keys);
      return [id, cached.get(id) ?? decodeRecoveryKey(recoveryKey)];
    },
  };
}

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
  await alice.crypto.bootstrapSecretStorage({
    setupNewKeyBackup: true,
    createSecretStorageKey: async () => {
      const key = await alice.crypto.createRecoveryKeyFromPassphrase();
      recoveryKey = key.encodedPrivateKey;
      return key;
    },
  });
  assert.equal(await alice.crypto.isSecretStorageReady(), true);
  await until("the backup is used", () => alice.crypto.getActiveSessionBackupVersion());
  for (const [person, other, body] of [[alice, bob, "my old hat"], [bob, alice, "your old coat"]]) {
    const id = await person.sends(roomId, body);
    assert.equal(await other.reads(roomId, id), body);
    said.push({ id, body });
  }
  await until("both sessions are backed up", async () => (await backedUp()) >= 2);
});

test("the only device is lost; a new one restores the keys and reads the old messages", async () => {
  await alice.client.logout(true);
  alice = await Person.logsIn(server, "alice", { cryptoCallbacks: secrets() });
  await alice.sees(roomId);
  for (const { id } of said) {
    const event = await alice.gets(roomId, id);
    await until("it cannot be read yet", () => event.isDecryptionFailure());
  }
  await until("the new device knows of cross-signing", () => alice.crypto.userHasCrossSigningKeys(alice.id, true));
  await alice.crypto.bootstrapCrossSigning({});
  await alice.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
  const { total, imported } = await alice.crypto.restoreKeyBackup();
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
