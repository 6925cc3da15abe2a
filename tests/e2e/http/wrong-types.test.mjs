// Wrong values in every field: the fields come from the schema of each request, so that none is forgotten.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, raw, v3 } from "../support/client.mjs";
import { isUnrecognised } from "../support/findings.mjs";
import { World, ending, requestOf } from "../support/requests.mjs";
import { Server } from "../support/server.mjs";
import {
  checkError, everyOperation, present, readsJson, requestProperties, whereItShouldBe,
} from "../support/spec.mjs";

let server, world;
before(async () => {
  server = await Server.start();
  world = await World.create(server);
});
after(() => server?.dispose());

const codes = ["M_BAD_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM", "M_UNKNOWN", "M_UNRECOGNIZED", "M_INVALID_USERNAME"];

// Fields that a server may ignore: those of login types and third-party identifiers that it does not support.
const unspoken = new Set(
  ["login.medium", "login.address", "login.token", "login.user", "setPushRule.conditions", "setPushRule.pattern",
  "deactivateAccount.id_server", "uploadKeys.fallback_keys.*"]);
// What only clients interpret is stored as it is; operations of application services are not for a user.
const untyped = new Set(["setAccountData", "setAccountDataPerRoom", "sendMessage", "setRoomStateWithKey",
  "setProfileField", "updateAppserviceRoomDirectoryVisibility", "pingAppservice"]);

const samples = { string: 5, integer: "five", number: "five", boolean: "perhaps", array: "list", object: "thing" };

function broken(properties, prefix = []) {
  return Object.entries(properties).flatMap(([name, { types, items, inner }]) => {
    const path = [...prefix, name];
    const wrong = types.length === 1 && samples[types[0]] !== undefined ? [{ path, value: samples[types[0]] }] : [];
    if (types[0] === "array" && items.length === 1 && samples[items[0]] !== undefined) wrong.push(
      { path, value: [samples[items[0]]] });
    return [...wrong, ...broken(inner, path)];
  });
}

/** The fields whose value is a string. */
function texts(properties, prefix = []) {
  return Object.entries(properties).flatMap(([name, { types, inner }]) =>
    [...(types.includes("string") ? [[...prefix, name]] : []), ...texts(inner, [...prefix, name])]);
}

function withField(body, [name, ...rest], value) {
  return { ...body, [name]: rest.length === 0 ? value : withField(body[name] ?? {}, rest, value) };
}

test("the fields are those of the specification",
  { skip: present || process.env.CI ? false : `no specification at ${whereItShouldBe}` }, () => {
  assert.ok(present, `no specification at ${whereItShouldBe}`);
});

// As they stand in JSON: NUL, lone surrogates, the last character of Unicode, and a long one.
const strange = ['"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\u{10ffff}"', JSON.stringify("x".repeat(70_000))];

const operations = present ? everyOperation() : [];
for (const operation of operations.filter((o) => readsJson(o))) {
  const { id } = operation;
  if (!untyped.has(id)) test(`${id} refuses a wrong type in each of its fields`, async () => {
    const surprises = [];
    for (const { path, value } of broken(requestProperties(id))) {
      if (unspoken.has(`${id}.${path.join(".")}`)) continue;
      const { method, path: url, body } = requestOf(operation, world);
      const response = await raw(
        server, method, url, { token: world.callerOf(id).token, body: withField(body, path, value) });
      if (isUnrecognised(response)) return;
      const fine = response.status === 400 && codes.includes(response.body?.errcode)
        && checkError(400, response.body).length === 0;
      if (!fine) surprises.push(
        `${path.join(".")} = ${JSON.stringify(value)}: ${response.status} ${response.text.slice(0, 200)}`);
    }
    assert.equal(surprises.length, 0, `\n${surprises.join("\n")}`);
    await world.alice.get(v3`account/whoami`);
  });

  test(`${id} stores or refuses any text in its fields`, async () => {
    const { method, path: url, body } = requestOf(operation, world);
    const fields = untyped.has(id) ? [["text"], ["MARK"]] : texts(requestProperties(id));
    for (const path of fields) {
      for (const value of strange) {
        const marked = JSON.stringify(withField(body, path, "MARK")).replaceAll('"MARK"', value);
        const token = ending.has(id) ? (await User.register(server)).token : world.alice.token;
        const response = await raw(server, method, url, { token, body: marked });
        if (isUnrecognised(response)) return;
        const told = `${path.join(".")} = ${value.slice(0, 20)}: ${response.status} ${response.text.slice(0, 200)}`;
        assert.ok(response.status < 500, told);
        if (response.status >= 400 && !response.body?.flows)
          assert.deepEqual(checkError(response.status, response.body), [], told);
      }
    }
  });
}
