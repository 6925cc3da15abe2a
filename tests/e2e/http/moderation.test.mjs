// Administrators look at accounts, lock and suspend them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, call, refusedWith, v1, v3, withPassword } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server, admin;
before(async () => {
  server = await Server.start();
  admin = await User.register(server, "admin", { admin: true });
});
after(() => server?.dispose());

for (const [what, member] of [["lock", "locked"], ["suspend", "suspended"]]) {
  const path = (userId) => v1`admin/${what}/${userId}`;

  test(`an administrator may ${what} an account, and look at it`, async () => {
    const user = await User.register(server);
    assert.deepEqual(await admin.get(path(user.id)), { [member]: false });
    assert.deepEqual(await admin.put(path(user.id), { [member]: true }), { [member]: true });
    assert.deepEqual(await admin.get(path(user.id)), { [member]: true });
    if (what === "lock") {
      const { soft_logout: soft } = await user.refused(401, "M_USER_LOCKED", "GET", v3`sync`);
      assert.equal(soft, true);
    } else {
      await user.get(v3`sync`);
      await user.refused(403, "M_USER_SUSPENDED", "POST", v3`createRoom`, {});
    }
    assert.deepEqual(await admin.put(path(user.id), { [member]: false }), { [member]: false });
    await user.post(v3`createRoom`);
  });

  test(`who may not ${what} whom is said apart`, async () => {
    const [user, second, gone] = [await User.register(server), await User.register(server, undefined, { admin: true }),
      await User.register(server)];
    await withPassword(gone, "POST", v3`account/deactivate`);
    const body = { [member]: true };
    for (const [target, status, errcode] of [["@a:other.test", 400, "M_INVALID_PARAM"],
      ["@nobody:hybrid.test", 404, "M_NOT_FOUND"], [gone.id, 404, "M_NOT_FOUND"], [second.id, 403, "M_FORBIDDEN"]]) {
      await admin.refused(status, errcode, "GET", path(target));
      await admin.refused(status, errcode, "PUT", path(target), body);
      await user.refused(403, "M_FORBIDDEN", "GET", path(target));
      await user.refused(403, "M_FORBIDDEN", "PUT", path(target), body);
    }
    await admin.refused(403, "M_FORBIDDEN", "PUT", path(admin.id), body);
    refusedWith(await call(server, "GET", path(user.id)), 401, "M_MISSING_TOKEN");
  });
}

test("a user and administrators see where the user's devices are", async () => {
  const user = await User.register(server);
  await user.get(v3`account/whoami`);
  for (const who of [user, admin]) {
    const { user_id: id, devices } = await who.get(v3`admin/whois/${user.id}`);
    assert.equal(id, user.id);
    assert.deepEqual(Object.keys(devices), [user.deviceId]);
  }
  await user.refused(403, "M_FORBIDDEN", "GET", v3`admin/whois/${admin.id}`);
});

test("only administrators have the capability", async () => {
  const user = await User.register(server);
  const of = async (who) => (await who.get(v3`capabilities`)).capabilities["m.account_moderation"];
  assert.deepEqual(await of(admin), { lock: true, suspend: true });
  assert.equal(await of(user), undefined);
});
