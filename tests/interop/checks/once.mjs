// What is checked once, in a room of the newest version.
import { execFileSync } from 'node:child_process';
import { User, eventually, holds, same } from '../client.mjs';
import { sameState, serverOf } from '../shared.mjs';

const newest = '12';
const via = (user) => [serverOf(user.id)];

/** A public room with a user of each side. */
async function shared(here, there, options = {}) {
  const room = await here.create({ room_version: newest, preset: 'public_chat', ...options });
  await there.join(room, via(here));
  await sameState(room, here, there);
  return room;
}

const isReadBy = (person, room, id) => {
  const event = person.event(room, id);
  return event?.getClearContent() && !event.isDecryptionFailure();
};

/** While one server is down, someone on the other gets a new device. */
async function deviceChange({ Person, until, people, room, down, away, up, present }) {
  await down.stop();
  const phone = await Person.logsIn(up, present.id.slice(1, present.id.indexOf(':')));
  people.push(phone);
  await phone.sees(room);
  const known = await present.sends(room, 'from the old device');
  // Its key can reach no device of the other side: it would be encrypted with a one-time key of their server.
  const unreadable = await phone.sends(room, 'from the new device');
  await down.start();

  // A request ends the pause of the server that was up.
  await away.sends(room, 'here again');
  same(await away.reads(room, known), 'from the old device', `what ${away.id} reads of the outage`);
  await until(`${away.id} sees the message without a key`, () => away.event(room, unreadable));
  await until(`${away.id} knows of the new device`, async () =>
    (await away.crypto.getUserDeviceInfo([present.id])).get(present.id)?.has(phone.deviceId));
  same(await phone.reads(room, await away.sends(room, 'to the phone')), 'to the phone', 'what the new device reads');

  // The client of the new device claims one-time keys again after a pause of its own.
  await eventually(async () => {
    const id = await phone.sends(room, 'from the phone');
    await eventually(async () => holds(isReadBy(away, room, id), 'no key for a message of the new device'), 5_000);
    same(away.event(room, id).getClearContent().body, 'from the phone', `what ${away.id} reads of the new device`);
  }, 90_000);
}

export const checks = {
  async 'typing and receipts both ways'({ ours, theirs }) {
    const room = await shared(ours.main, theirs.main);
    for (const [from, to] of [[ours.main, theirs.main], [theirs.main, ours.main]]) {
      const body = `read this, ${to.label}`;
      const said = await from.say(room, body);
      await eventually(async () => holds((await to.walk(room)).includes(body), 'the message is not there'));
      await to.request('POST', to.room(room, `receipt/m.read/${encodeURIComponent(said)}`), {});
      await to.request('PUT', to.room(room, `typing/${encodeURIComponent(to.id)}`), { typing: true, timeout: 30000 });
      await eventually(async () => {
        const ephemeral = (await from.rooms()).join[room].ephemeral.events;
        const typing = ephemeral.find((event) => event.type === 'm.typing')?.content.user_ids ?? [];
        const receipts = ephemeral.find((event) => event.type === 'm.receipt')?.content ?? {};
        holds(typing.includes(to.id), `${to.label} does not type`);
        holds(receipts[said]?.['m.read']?.[to.id], `no receipt of ${to.label}`);
      });
    }
  },

  async 'encrypted chat through a device change during an outage'({ our, synapse, run }) {
    const { Person, until } = await import('../../e2e/sdk/person.mjs');
    const alice = await Person.registers(our, `ealice${run}`);
    const bob = await Person.registers(synapse, `ebob${run}`);
    const people = [alice, bob];
    try {
      const room = await alice.createsEncryptedRoom({ invite: [bob.id] });
      await bob.joins(room);
      await alice.knowsOf(bob, room);
      same(await bob.reads(room, await alice.sends(room, 'first')), 'first', 'what bob reads');
      same(await alice.reads(room, await bob.sends(room, 'second')), 'second', 'what alice reads');
      await deviceChange({ Person, until, people, room, down: our, away: alice, up: synapse, present: bob });
      await deviceChange({ Person, until, people, room, down: synapse, away: bob, up: our, present: alice });
    } finally {
      for (const person of people) person.stops();
    }
  },

  async 'a hierarchy across servers'({ ours, theirs }) {
    const child = await theirs.main.create({ room_version: newest, preset: 'public_chat', name: 'Child' });
    const space = await ours.main.create({
      room_version: newest, preset: 'public_chat', name: 'Space', creation_content: { type: 'm.space' },
    });
    await ours.main.set(space, 'm.space.child', { via: via(theirs.main) }, child);
    await theirs.other.join(space, via(ours.main));
    for (const user of [ours.main, theirs.other]) {
      await eventually(async () => {
        const page = await user.request('GET', `v1/rooms/${encodeURIComponent(space)}/hierarchy`);
        same(page.rooms.map((room) => room.name).sort(), ['Child', 'Space'], `rooms that ${user.label} sees`);
      });
    }
  },

  async 'timestamp_to_event on either side'({ ours, theirs }) {
    const room = await shared(ours.main, theirs.main);
    const said = await ours.main.say(room, 'when was this?');
    const path = (user, ts) => `v1/rooms/${encodeURIComponent(room)}/timestamp_to_event?ts=${ts}&dir=f`;
    const event = `event/${encodeURIComponent(said)}`;
    const at = await eventually(() => theirs.main.request('GET', theirs.main.room(room, event)));
    for (const user of [ours.main, theirs.main]) {
      const found = await user.request('GET', path(user, at.origin_server_ts));
      same(found.event_id, said, `the event that ${user.label} finds`);
    }
  },

  async 'our key rotation'({ our, ours, theirs, outsiders }) {
    const room = await shared(theirs.main, ours.main);
    await ours.main.say(room, 'signed by the old key');
    await our.stop();
    execFileSync('dotnet', [process.env.MX, 'keys', 'rotate'], { env: { ...process.env, ...our.environment } });
    await our.start();
    await ours.main.say(room, 'signed by the new key');
    await eventually(async () => same((await theirs.main.walk(room)).length, 2, 'messages'), 60_000);
    // The third server has never seen either key.
    await outsiders.main.join(room, via(theirs.main));
    await eventually(async () => same((await outsiders.main.walk(room)).length, 2, 'messages of the third server'));
    await sameState(room, theirs.main, outsiders.main);
  },

  async 'we are the notary for a dead third server'({ third, synapse, our, ours, outsiders, run }) {
    const room = await outsiders.main.create({ room_version: newest, preset: 'public_chat' });
    await ours.main.join(room, via(outsiders.main));
    await outsiders.main.say(room, 'from a server that dies');
    await eventually(async () => same((await ours.main.walk(room)).length, 1, 'messages'));
    await third.stop();
    await synapse.stop();
    await synapse.start({ notary: our.name });
    try {
      const newcomer = await User.register(synapse.url, synapse.label, `newcomer${run}`);
      await newcomer.join(room, via(ours.main));
      await sameState(room, ours.main, newcomer);
      await eventually(async () => same(await newcomer.walk(room), ['from a server that dies'], 'messages'), 60_000);
    } finally {
      await third.start();
    }
  },
};
