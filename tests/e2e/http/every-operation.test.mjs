// What each operation of the specification answers to requests that it must refuse. The operations, their parameters
// and their bodies come from the specification's data, so that none is forgotten.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { User, raw } from "../support/client.mjs";
import { authenticated, isUnrecognised } from "../support/findings.mjs";
import { World, ending, requestOf } from "../support/requests.mjs";
import { Server } from "../support/server.mjs";
import { checkError, everyOperation, parametersOf, present, readsJson, whereItShouldBe } from "../support/spec.mjs";

let server, world, mallory;
before(async () => {
  server = await Server.start({ MATRIX_PUBLIC_BASE_URL: "http://localhost:8008" });
  world = await World.create(server);
  mallory = await User.register(server);
});
after(() => server?.dispose());

test("the operations are those of the specification",
  { skip: present || process.env.CI ? false : `no specification at ${whereItShouldBe}` }, () => {
  assert.ok(present, `no specification at ${whereItShouldBe}`);
});

const operations = present ? everyOperation() : [];
const send = ({ method, path, body }, { token, headers } = {}) => raw(server, method, path, { token, body, headers });

/** A refusal in the standard form, and no error of the server. */
function assertRefused(response, statuses, codes, what) {
  const told = `${what}: ${response.status} ${response.text.slice(0, 300)}`;
  assert.ok(statuses.includes(response.status), `${told}, expected ${statuses}`);
  if (codes) assert.ok(codes.includes(response.body?.errcode), `${told}, expected ${codes}`);
  assert.deepEqual(checkError(response.status, response.body), [], told);
}

const schemesOf = (operation) =>
  operation.operation.security?.map((alternative) => Object.keys(alternative)[0] ?? "none") ?? ["none"];
// Its data asks for a signed request; its prose for a token, or none where the room may be seen without.
const isOpen = (operation) => schemesOf(operation).includes("none") || operation.id === "getRoomSummary";
const isForServices = (operation) => schemesOf(operation)[0].startsWith("appservice");

const tokenFor = async (operation) =>
  ending.has(operation.id) ? (await User.register(server)).token : world.callerOf(operation.id).token;

for (const operation of operations) {
  const { id } = operation;

  test(`${id}: who may call it`, async () => {
    const probe = await send(requestOf(operation, world), { token: await tokenFor(operation) });
    if (isUnrecognised(probe)) return;
    assert.ok(probe.status < 500 || [502, 504].includes(probe.status), `${probe.status} ${probe.text}`);
    const nobody = await send(requestOf(operation, world));
    if (isOpen(operation)) {
      const isRefused = nobody.body?.errcode === "M_MISSING_TOKEN";
      assert.ok(!isRefused || operation.id === "getRoomSummary", `${nobody.status} ${nobody.text}`);
      assert.ok(nobody.status < 500 || [502, 504].includes(nobody.status), `${nobody.status} ${nobody.text}`);
    } else {
      assertRefused(nobody, [401], ["M_MISSING_TOKEN"], "no token");
      const unknown = await send(requestOf(operation, world), { token: "nobodys" });
      assertRefused(unknown, [401], ["M_UNKNOWN_TOKEN"], "an unknown token");
      assert.ok(!unknown.body.soft_logout);
      const inQuery = requestOf(operation, world);
      inQuery.path += `${inQuery.path.includes("?") ? "&" : "?"}access_token=nobodys`;
      assertRefused(await send(inQuery), [401], ["M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"], "a token in the query");
      if (isForServices(operation)) assertRefused(probe, [403], ["M_FORBIDDEN"], "a user's token");
      else assert.notEqual(probe.body?.errcode, "M_UNKNOWN_TOKEN");
    }
    authenticated(operation);
  });

  test(`${id}: other methods`, async () => {
    const request = requestOf(operation, world);
    const known = operations.filter((o) => o.pattern.test(request.path.split("?")[0])).map((o) => o.method);
    const isKnown = !isUnrecognised(await send(request, { token: await tokenFor(operation) }));
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"].filter((m) => !known.includes(m))) {
      const body = method === "GET" ? undefined : {};
      const response = await raw(server, method, request.path, { token: world.alice.token, body });
      assertRefused(response, isKnown ? [405] : [404, 405], ["M_UNRECOGNIZED"], method);
    }
  });

  if (readsJson(operation)) test(`${id}: a body that is no JSON object`, async () => {
    const request = requestOf(operation, world);
    if (isUnrecognised(await send(request, { token: await tokenFor(operation) }))) return;
    for (const [body, codes] of [["{", ["M_NOT_JSON"]], ["\u0000", ["M_NOT_JSON"]],
      [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), ["M_NOT_JSON"]],
      ["[]", ["M_BAD_JSON"]], ["5", ["M_BAD_JSON"]], ["null", ["M_BAD_JSON"]]]) {
      const response = await send({ ...requestOf(operation, world), body }, { token: world.callerOf(id).token });
      if (isForServices(operation)) assertRefused(response, [400, 403], [...codes, "M_FORBIDDEN"], body);
      else assertRefused(response, [400], codes, body);
    }
  });

  const kinds = parametersOf(operation, "path").map((parameter) => parameter.name);
  if (kinds.length > 0) test(`${id}: ids of the wrong kind, overlong and unstorable`, async () => {
    if (isUnrecognised(await send(requestOf(operation, world), { token: await tokenFor(operation) }))) return;
    for (const name of kinds) {
      for (const value of ["x", "!", "@alice", "#a", "$", "%40alice%3Ahybrid.test", "a".repeat(5000), "%00", "%ff%fe",
        "%F0%9F%92%A5", "..%2F..", "%zz"]) {
        const token = ending.has(id) ? mallory.token : world.alice.token;
        const response = await send(requestOf(operation, world, { [name]: value }), { token });
        const told = `${name} ${value.slice(0, 40)}: ${response.status} ${response.text.slice(0, 300)}`;
        assert.ok(response.status < 500 || [502, 504].includes(response.status), told);
        // The specification wants a page for people there.
        const isPage = id === "redirectToIdP" && response.status === 404;
        if (isPage) assert.match(response.headers.get("content-type"), /^text\/html/, told);
        else if (response.status >= 400 && !response.body?.flows)
          assert.deepEqual(checkError(response.status, response.body), [], told);
        if (/^logout/.test(id)) return;
      }
    }
  });

  const queried = parametersOf(operation, "query").map((parameter) => parameter.name);
  if (queried.length > 0) test(`${id}: wrong, overlong and unstorable values in the query`, async () => {
    if (isUnrecognised(await send(requestOf(operation, world), { token: await tokenFor(operation) }))) return;
    const token = await tokenFor(operation);
    for (const name of queried) {
      for (const value of ["", "x", "-1", "1.5", "99999999999999999999", "{", "%00", "%ff", "%zz", "a".repeat(4000)]) {
        const request = requestOf(operation, world);
        const [path, query = ""] = request.path.split("?");
        const others = query.split("&").filter((each) => each && !each.startsWith(`${name}=`));
        request.path = `${path}?${[...others, `${encodeURIComponent(name)}=${value}`].join("&")}`;
        const response = await send(request, { token });
        const told = `${name}=${value.slice(0, 40)}: ${response.status} ${response.text.slice(0, 300)}`;
        assert.ok(response.status < 500 || [502, 504].includes(response.status), told);
        if (response.status >= 400 && !response.body?.flows)
          assert.deepEqual(checkError(response.status, response.body), [], told);
      }
    }
  });

  // Data of an account, read or written below its user id.
  const isOwn = /\/user\/\{userId\}|\/typing\/\{userId\}/.test(operation.template)
    || ["setPresence", "setProfileField", "deleteProfileField"].includes(id);
  if (isOwn) test(`${id}: another user's`, async () => {
    const response = await send(requestOf(operation, world), { token: mallory.token });
    if (!isUnrecognised(response)) assertRefused(response, [403], ["M_FORBIDDEN"], "another user");
  });

  const isOfRoom = /\/rooms\/\{roomId\}/.test(operation.template)
    && !["joinRoomById", "reportRoom", "forgetRoom", "leaveRoom"].includes(id);
  if (isOfRoom) test(`${id}: a room that the caller is not in`, async () => {
    const roomId = await world.alice.createsRoom();
    const eventId = await world.alice.sends(roomId);
    const isUsers = /\{userId\}/.test(operation.template);
    const given = { roomId: encodeURIComponent(roomId), eventId: encodeURIComponent(eventId),
      ...(isUsers ? { userId: encodeURIComponent(mallory.id) } : {}) };
    const response = await send(requestOf(operation, world, given), { token: mallory.token });
    if (isUnrecognised(response)) return;
    // An account's own data about a room needs no membership.
    if (isUsers && id !== "setTyping") assert.ok(response.status < 500, `${response.status} ${response.text}`);
    else assertRefused(response, [403, 404, 400], undefined, "a stranger");
  });
}

test("the server goes on", async () => {
  await world.alice.get("/_matrix/client/v3/account/whoami");
});
