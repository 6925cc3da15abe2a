// Invites to rooms of another server, whose end a client of the SDK sees: also when that server is gone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { idOf } from "../peer/pdu.mjs";
import { Peer } from "../peer/peer.mjs";
import { Authority } from "../peer/tls.mjs";
import { freePort } from "../support/ports.mjs";
import { Server } from "../support/server.mjs";
import { Person } from "./person.mjs";

let authority, server, phone, laptop;
before(async () => {
  authority = new Authority();
  const name = `127.0.0.1:${await freePort()}`;
  const { certificate, key } = authority.issue("server", "127.0.0.1");
  server = await Server.start({
    MATRIX_SERVER_NAME: name,
    MATRIX_LISTENERS__FEDERATION: name,
    MATRIX_TLS__CERTIFICATE: certificate,
    MATRIX_TLS__KEY: key,
    MATRIX_FEDERATION__CUSTOM_CA: authority.file,
    MATRIX_FEDERATION__ALLOW_NETWORKS: "127.0.0.0/8",
  });
  phone = await Person.registers(server, "alice", { crypto: false });
  laptop = await Person.logsIn(server, "alice", { crypto: false });
});
after(async () => {
  [phone, laptop].forEach((person) => person?.stops());
  await server?.dispose();
  authority?.dispose();
  // The SDK tries again what it fetches in the background.
  setTimeout(() => process.exit(), 500).unref();
});

/** A peer that has invited Alice to a room; both of her devices show the invite. */
async function invited() {
  const peer = new Peer(authority, await freePort());
  await peer.start();
  await peer.fetchKeys(server.name);
  const eve = peer.userId("eve");
  const room = peer.create("11", eve);
  const invite = room.make(eve, "m.room.member", { membership: "invite" }, { stateKey: phone.id });
  const path = [room.roomId, idOf("11", invite)].map(encodeURIComponent).join("/");
  await peer.call(server.name, "PUT", `/_matrix/federation/v2/invite/${path}`,
    { room_version: "11", event: invite, invite_room_state: [] });
  for (const device of [phone, laptop]) await device.sees(room.roomId, "invite");
  return { peer, room, eve };
}

test("an invite of a server that is gone is rejected, and no device shows it any more", async () => {
  const { peer, room } = await invited();
  await peer.dispose();
  await phone.client.leave(room.roomId);
  for (const device of [phone, laptop]) {
    const left = await device.sees(room.roomId, "leave");
    assert.equal(left.getMember(device.id).membership, "leave");
  }
});

test("an invite that its server takes back is not shown any more", async () => {
  const { peer, room, eve } = await invited();
  const kick = room.make(eve, "m.room.member", { membership: "leave" }, { stateKey: phone.id });
  await peer.send(server.name, kick);
  for (const device of [phone, laptop]) await device.sees(room.roomId, "leave");
  await peer.dispose();
});
