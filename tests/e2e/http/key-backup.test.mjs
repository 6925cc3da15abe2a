// Server-side key backup, through every operation of it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { User, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, alice;
before(async () => {
  server = await Server.start();
  alice = await User.register(server, "alice");
});
after(() => server?.dispose());

const algorithm = "m.megolm_backup.v1.curve25519-aes-sha2";
const text = (bytes) => randomBytes(bytes).toString("base64").replace(/=+$/, "");
const authData = () => ({ public_key: text(32), signatures: {} });
const session = (index = 0) => ({ first_message_index: index, forwarded_count: 0, is_verified: true,
  session_data: { ciphertext: text(40), ephemeral: text(32), mac: text(8) } });
const [room, other] = ["!a:hybrid.test", "!b:hybrid.test"];
const creates = async () =>
  (await alice.post(v3`room_keys/version`, { algorithm, auth_data: authData() })).version;

test("a new device restores the keys that another one backed up", async () => {
  const version = await creates();
  const [first, second, third] = [session(), session(), session()];
  await alice.put(`${v3`room_keys/keys/${room}/one`}?version=${version}`, first);
  await alice.put(`${v3`room_keys/keys/${room}`}?version=${version}`, { sessions: { two: second } });
  const stored = await alice.put(`${v3`room_keys/keys`}?version=${version}`,
    { rooms: { [other]: { sessions: { three: third } } } });
  assert.equal(stored.count, 3);

  const phone = await alice.again();
  const current = await phone.get(v3`room_keys/version`);
  assert.deepEqual([current.version, current.count, current.etag], [version, 3, stored.etag]);
  assert.deepEqual(await phone.get(`${v3`room_keys/keys`}?version=${version}`),
    { rooms: { [room]: { sessions: { one: first, two: second } }, [other]: { sessions: { three: third } } } });
  assert.deepEqual(await phone.get(`${v3`room_keys/keys/${room}`}?version=${version}`),
    { sessions: { one: first, two: second } });
  assert.deepEqual(await phone.get(`${v3`room_keys/keys/${room}/two`}?version=${version}`), second);
});

test("a worse session does not replace a better one", async () => {
  const version = await creates();
  const [better, worse] = [session(1), session(5)];
  await alice.put(`${v3`room_keys/keys/${room}/one`}?version=${version}`, better);
  await alice.put(`${v3`room_keys/keys/${room}/one`}?version=${version}`, worse);
  assert.deepEqual(await alice.get(`${v3`room_keys/keys/${room}/one`}?version=${version}`), better);
});

test("keys are deleted one by one, by room, and all", async () => {
  const version = await creates();
  const put = () => alice.put(`${v3`room_keys/keys`}?version=${version}`,
    { rooms: { [room]: { sessions: { one: session(), two: session() } }, [other]: { sessions: { one: session() } } } });
  await put();
  assert.equal((await alice.delete(`${v3`room_keys/keys/${room}/one`}?version=${version}`)).count, 2);
  assert.equal((await alice.delete(`${v3`room_keys/keys/${room}`}?version=${version}`)).count, 1);
  await put();
  assert.equal((await alice.delete(`${v3`room_keys/keys`}?version=${version}`)).count, 0);
  await alice.refused(404, "M_NOT_FOUND", "GET", `${v3`room_keys/keys/${room}/one`}?version=${version}`);
});

test("a version is changed and deleted, and writes to an older one are refused", async () => {
  const older = await creates();
  const version = await creates();
  const changed = { algorithm, auth_data: authData(), version };
  await alice.put(v3`room_keys/version/${version}`, changed);
  assert.deepEqual((await alice.get(v3`room_keys/version/${version}`)).auth_data, changed.auth_data);
  await alice.refused(400, "M_INVALID_PARAM", "PUT", v3`room_keys/version/${version}`, { ...changed, version: older });
  await alice.refused(400, "M_INVALID_PARAM", "PUT", v3`room_keys/version/${version}`,
    { ...changed, algorithm: "org.example.other" });

  for (const [path, body] of [
    [v3`room_keys/keys/${room}/one`, session()],
    [v3`room_keys/keys/${room}`, { sessions: { one: session() } }],
    [v3`room_keys/keys`, { rooms: { [room]: { sessions: { one: session() } } } }],
  ]) {
    const refusal = await alice.refused(403, "M_WRONG_ROOM_KEYS_VERSION", "PUT", `${path}?version=${older}`, body);
    assert.equal(refusal.current_version, version);
  }

  await alice.delete(v3`room_keys/version/${version}`);
  await alice.delete(v3`room_keys/version/${older}`);
  await alice.refused(404, "M_NOT_FOUND", "GET", v3`room_keys/version/${version}`);
  for (const path of [v3`room_keys/keys/${room}/one`, v3`room_keys/keys/${room}`, v3`room_keys/keys`]) {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const body = method === "PUT" ? { sessions: {}, rooms: {}, ...session() } : undefined;
      await alice.refused(404, "M_NOT_FOUND", method, `${path}?version=${version}`, body);
    }
  }
});
