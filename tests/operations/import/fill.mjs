// fill.mjs BASE FILE: fills a Synapse with people and rooms of every version, and writes what is checked later.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, q, versions } from './client.mjs';

const [base, file] = process.argv.slice(2);
const people = {};
for (const name of ['alice', 'bob', 'carol', 'dave']) {
    people[name] = await Client.register(base, name, name === 'carol');
}

const { alice, bob, carol, dave } = people;

const rooms = {};
for (const version of versions) {
    const room = (await alice.send('POST', 'createRoom', {
        preset: 'public_chat', room_version: version, name: `room ${version}`,
    })).room_id;
    rooms[version] = room;
    for (const member of [bob, carol]) await member.send('POST', `join/${q(room)}`, {});
    const said = [];
    for (let i = 0; i < 4; i++) said.push(await alice.says(room, `hello ${i} apple`));
    await bob.event(room, {
        msgtype: 'm.text', body: 'in the thread', 'm.relates_to': { rel_type: 'm.thread', event_id: said[0] },
    });
    await bob.event(
        room, { 'm.relates_to': { rel_type: 'm.annotation', event_id: said[1], key: '+' } }, 'm.reaction');
    await alice.event(room, {
        msgtype: 'm.text', body: '* edited', 'm.new_content': { msgtype: 'm.text', body: 'edited' },
        'm.relates_to': { rel_type: 'm.replace', event_id: said[2] },
    });
    await alice.send('PUT', `rooms/${q(room)}/redact/${q(said[3])}/r${version}`, { reason: 'no' });
    await carol.send('POST', `rooms/${q(room)}/receipt/m.read/${q(said[0])}`, {});
    await alice.send('PUT', `rooms/${q(room)}/state/m.room.topic/`, { topic: `topic ${version}` });
    await alice.send('POST', `rooms/${q(room)}/ban`, { user_id: dave.user });
    await alice.send('POST', `rooms/${q(room)}/unban`, { user_id: dave.user });
}

const invited = (await alice.send('POST', 'createRoom', { preset: 'private_chat', invite: [dave.user] })).room_id;
await alice.send('POST', `rooms/${q(rooms['9'])}/upgrade`, { new_version: '12' });
await carol.send('POST', `rooms/${q(rooms['3'])}/leave`, {});
await carol.send('POST', `rooms/${q(rooms['3'])}/forget`, {});
const alias = `#main:${alice.user.slice(alice.user.indexOf(':') + 1)}`;
await alice.send('PUT', `directory/room/${q(alias)}`, { room_id: rooms['10'] });
await alice.send('PUT', `user/${q(alice.user)}/rooms/${q(rooms['10'])}/tags/m.favourite`, { order: 0.5 });
await alice.send('PUT', `user/${q(alice.user)}/account_data/org.example`, { x: 1 });
await alice.send('PUT', `profile/${q(alice.user)}/displayname`, { displayname: 'Alice A.' });
await carol.send('PUT', 'pushrules/global/content/apple', {
    pattern: 'apple', actions: ['notify', { set_tweak: 'highlight' }],
});
const filter = (await bob.send('POST', `user/${q(bob.user)}/filter`, { room: { timeline: { limit: 3 } } })).filter_id;
const upload = await alice.raw('POST', '/_matrix/media/v3/upload?filename=a.txt', 'hello media', 'text/plain');
const media = (await upload.json()).content_uri;
const toBob = (message) => ({ messages: { [bob.user]: { [bob.device]: message } } });
await alice.send('PUT', 'sendToDevice/m.test/1', toBob({ n: 1 }));

// Synapse writes the new name into the rooms in the background.
await sleep(5_000);
const since = {};
for (const [name, person] of Object.entries(people)) since[name] = (await person.get('sync?timeout=0')).next_batch;
const last = await alice.says(rooms['10'], 'after the sync', 'last');
await alice.send('PUT', 'sendToDevice/m.test/2', toBob({ n: 2 }));
const page = (await alice.get(`rooms/${q(rooms['10'])}/messages?dir=b&limit=3`)).end;
const older = (await alice.get(`rooms/${q(rooms['10'])}/messages?dir=b&limit=3&from=${q(page)}`)).chunk
    .map((event) => event.event_id);

const sessions = Object.fromEntries(Object.entries(people).map(([name, person]) => [name, person.session]));
writeFileSync(file, JSON.stringify({ sessions, rooms, invited, alias, filter, media, since, last, page, older }));
console.log(`${Object.keys(people).length} people, ${versions.length + 2} rooms`);
