// check.mjs BASE FILE: goes on at the server after the import with the sessions of fill.mjs. Ends with
// `N passed, N failed`.
import { readFileSync } from 'node:fs';
import { Client, q, versions } from './client.mjs';
import { Tally, same } from './tally.mjs';

const [base, file] = process.argv.slice(2);
const before = JSON.parse(readFileSync(file, 'utf8'));
const people = Object.fromEntries(
    Object.entries(before.sessions).map(([name, session]) => [name, new Client(base, session)]));
const { alice, bob, carol, dave } = people;
const tally = new Tally();
const holds = tally.holds.bind(tally);

await holds('a refresh token goes on', async () => {
    const next = await new Client(base).send('POST', 'refresh', { refresh_token: carol.refresh });
    carol.token = next.access_token;
    return typeof next.refresh_token === 'string';
});
for (const [name, person] of Object.entries(people)) {
    await holds(`${name}'s token goes on with its device`, async () =>
        same((await person.get('account/whoami')).device_id, person.device));
}

let sync;
await holds('sync goes on after the token, with the one event since', async () => {
    sync = await bob.get(`sync?timeout=0&since=${q(before.since.bob)}`);
    const events = Object.values(sync.rooms?.join ?? {}).flatMap((room) => room.timeline.events);
    return same(events.map((event) => event.event_id), [before.last]);
});
await holds('messages to devices go on after the token', () =>
    same((sync.to_device?.events ?? []).map((event) => event.content), [{ n: 2 }]));
await holds('the next sync has nothing new', async () =>
    same(Object.keys((await bob.get(`sync?timeout=0&since=${q(sync.next_batch)}`)).rooms?.join ?? {}), []));
await holds('a page goes on', async () => same(
    (await alice.get(`rooms/${q(before.rooms['10'])}/messages?dir=b&limit=3&from=${q(before.page)}`)).chunk
        .map((event) => event.event_id),
    before.older));
await holds('a retry of a send makes no second message', async () =>
    same(await alice.says(before.rooms['10'], 'after the sync', 'last'), before.last));
await holds('changes of keys go on', async () =>
    Array.isArray((await alice.get(`keys/changes?from=${q(before.since.alice)}&to=${q(sync.next_batch)}`)).changed));

const login = (password) => new Client(base).send('POST', 'login', {
    type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password,
});
for (const time of ['first', 'second']) {
    await holds(`the ${time} login with the old password`, async () =>
        same((await login('secret-alice')).user_id, alice.user));
}

await holds('a wrong password is none', async () => {
    const response = await new Client(base).raw('POST', '/_matrix/client/v3/login', {
        type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'wrong',
    });
    return same(response.status, 403);
});
await holds('a filter keeps its id', async () =>
    same((await bob.get(`user/${q(bob.user)}/filter/${before.filter}`)).room.timeline.limit, 3));
await holds('a profile', async () => same((await bob.get(`profile/${q(alice.user)}`)).displayname, 'Alice A.'));
await holds('an alias', async () =>
    same((await bob.get(`directory/room/${q(before.alias)}`)).room_id, before.rooms['10']));
await holds('account data', async () =>
    same(await alice.get(`user/${q(alice.user)}/account_data/org.example`), { x: 1 }));
await holds('a tag', async () => same(
    (await alice.get(`user/${q(alice.user)}/rooms/${q(before.rooms['10'])}/tags`)).tags['m.favourite'],
    { order: 0.5 }));
await holds('a push rule', async () =>
    (await carol.get('pushrules/')).global.content.some((rule) => rule.rule_id === 'apple'));
await holds('media', async () => same(
    await (await alice.raw('GET', `/_matrix/client/v1/media/download/${before.media.slice('mxc://'.length)}`)).text(),
    'hello media'));
await holds('an invite', async () =>
    before.invited in ((await dave.get('sync?timeout=0')).rooms.invite ?? {}) || 'it is missing');
await holds('a forgotten room stays so', async () => {
    const room = before.rooms['3'];
    const { rooms } = await carol.get('sync?timeout=0&full_state=true');
    return !(room in (rooms.join ?? {})) && !(room in (rooms.leave ?? {}));
});

for (const version of versions) {
    const room = before.rooms[version];
    if (version === '9') continue;
    await holds(`a message in a room of version ${version}`, async () =>
        (await alice.says(room, 'new')).startsWith('$'));
    await holds(`a state event in a room of version ${version}`, async () =>
        'event_id' in await alice.send('PUT', `rooms/${q(room)}/state/m.room.topic/`, { topic: 'new' }));
}

await holds('a room that was upgraded is read-only', async () => {
    try {
        await alice.says(before.rooms['9'], 'new');
        return true;
    } catch (error) {
        return error.message.includes('403') || error.message;
    }
});

async function until(check) {
    let seen;
    for (const end = Date.now() + 20_000; Date.now() < end;) {
        seen = await check();
        if (seen === true) break;
        await new Promise((wait) => setTimeout(wait, 500));
    }

    return seen;
}

await holds('old messages are found', () => until(async () => {
    const found = await alice.send('POST', 'search', { search_categories: { room_events: { search_term: 'apple' } } });

    // Of each room's messages one was redacted, and one edited.
    return same(found.search_categories.room_events.count, 2 * versions.length);
}));
await holds('people are found', () => until(async () => same(
    (await alice.send('POST', 'user_directory/search', { search_term: 'bob' })).results.map((user) => user.user_id),
    [bob.user])));

process.exitCode = tally.ends();
