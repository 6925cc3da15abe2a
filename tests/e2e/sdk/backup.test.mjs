// A client whose key backup is full: what the SDK does with the server's 413.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

// The SDK reports by its log. It binds the console when it is loaded.
const reported = [];
console.error = (...parts) => reported.push(parts.map(String).join(" "));
const { Person, until } = await import("./person.mjs");

/** When keys were uploaded, and with which result. */
const uploads = [];
const fetchAsUsual = globalThis.fetch;
globalThis.fetch = async (resource, options) => {
  const response = await fetchAsUsual(resource, options);
  if (options?.method === "PUT" && String(resource).includes("/room_keys/keys")) {
    const { errcode } = await response.clone().json();
    uploads.push({ at: Date.now(), status: response.status, errcode });
  }
  return response;
};

let server, alice;
before(async () => {
  server = await Server.start({ MATRIX_LIMITS__BACKUP_KEYS_OF_USER: "2" });
  alice = await Person.registers(server, "alice");
  await alice.bootstrapsCrossSigning();
  await alice.crypto.resetKeyBackup();
  await until("the backup is used", () => alice.crypto.getActiveSessionBackupVersion());
});
after(async () => {
  alice?.stops();
  await server?.dispose();
  // The Rust crypto has timers of its own.
  setTimeout(() => process.exit(), 500).unref();
});

const backedUp = async () =>
  (await call(server, "GET", v3`room_keys/version`, { token: alice.client.getAccessToken() })).body.count;

async function sendsInANewRoom() {
  const roomId = await alice.createsEncryptedRoom();
  await alice.sees(roomId);
  await alice.sends(roomId, "with a key of its own");
}

test("a full backup: the SDK reports it, keeps the keys that do not fit, and asks less and less often", async () => {
  for (let i = 1; i <= 2; i++) {
    await sendsInANewRoom();
    await until("the key is backed up", async () => (await backedUp()) === i);
  }
  await sendsInANewRoom();
  const refused = () => uploads.filter(({ status }) => status !== 200);
  await until("the upload was refused three times", () => refused().length >= 3);
  assert.deepEqual(
    refused().slice(0, 3).map(({ status, errcode }) => [status, errcode]), Array(3).fill([413, "M_TOO_LARGE"]));
  const [first, second, third] = refused().map(({ at }) => at);
  assert.ok(second - first >= 900 && third - second >= 1.5 * (second - first), `${[first, second, third]}`);
  assert.ok(reported.some((line) => line.includes("Backup: Error processing")), reported.join("\n"));
  assert.equal(await backedUp(), 2);
});

test("with room again the backup goes on by itself", async () => {
  server.settings.MATRIX_LIMITS__BACKUP_KEYS_OF_USER = "10";
  await server.restart();
  await until("the key is backed up", async () => (await backedUp()) === 3);
});
