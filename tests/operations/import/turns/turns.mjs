// turns.mjs SLICES NAME=BASE=SUMMARY NAME=BASE=SUMMARY: sends and syncs of users who are there, in rooms that are
// there, by turns. Prints medians of all slices, in milliseconds, and the first server's by the second's.
import { readFileSync } from 'node:fs';

const [slices, ...given] = process.argv.slice(2);
const servers = given.map((each) => {
    const [name, base, file] = each.split('=');
    const summary = JSON.parse(readFileSync(file, 'utf8'));
    // Rooms without another server: nothing is owed to anybody. The first one is the large one.
    return { name, base, rooms: summary.rooms.filter((_, at) => at % 10).slice(0, 40), took: {}, bytes: {} };
});
// A token alone is asked for before a send: a large answer would slow the next request down.
const little = encodeURIComponent(JSON.stringify({
    presence: { types: [] }, account_data: { types: [] }, room: {
        account_data: { types: [] }, ephemeral: { types: [] }, state: { types: [] }, timeline: { limit: 1 } } }));
let number = 0;

async function call(server, kind, method, path, token, body) {
    const began = performance.now();
    const response = await fetch(server.base + path, {
        method, headers: { authorization: `Bearer ${token}` }, body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${server.name} ${path}: ${response.status} ${text}`);
    if (kind) (server.took[kind] ??= []).push(performance.now() - began);
    if (kind) server.bytes[kind] = (server.bytes[kind] ?? 0) + text.length;
    return JSON.parse(text);
}

async function slice(server, isCounted) {
    const kind = (name) => (isCounted ? name : undefined);
    for (const room of server.rooms) {
        const [at, token] = [encodeURIComponent(room.id), room.user.token];
        const before = await call(
            server, undefined, 'GET', `/_matrix/client/v3/sync?timeout=0&filter=${little}`, token);
        await call(server, kind('send'), 'PUT',
            `/_matrix/client/v3/rooms/${at}/send/m.room.message/turn${process.pid}.${number++}`, token,
            { msgtype: 'm.text', body: 'a message of a turn' });
        await call(server, kind('state event'), 'PUT', `/_matrix/client/v3/rooms/${at}/state/m.room.topic/`, token,
            { topic: `turn ${number}` }).catch((fault) => { if (!/403/.test(fault.message)) throw fault; });
        await call(server, kind('sync after it'), 'GET',
            `/_matrix/client/v3/sync?timeout=0&since=${before.next_batch}`, token);
        await call(server, kind('initial sync'), 'GET', '/_matrix/client/v3/sync?timeout=0', token);
        await call(server, kind('page of 50'), 'GET', `/_matrix/client/v3/rooms/${at}/messages?dir=b&limit=50`, token);
        await call(server, kind('members'), 'GET', `/_matrix/client/v3/rooms/${at}/members`, token);
    }
}

for (const server of servers) await slice(server, false);
for (let turn = 0; turn < Number(slices); turn++) {
    for (const server of turn % 2 ? [...servers].reverse() : servers) await slice(server, true);
}
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
console.log(`| existing rooms, p50 in ms | ${servers.map((each) => each.name).join(' | ')} | ratio | bytes | bytes |`);
console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
for (const kind of Object.keys(servers[0].took)) {
    const [a, b] = servers.map((server) => median(server.took[kind]));
    const [c, d] = servers.map((server) => server.bytes[kind] / server.took[kind].length);
    console.log(`| ${kind} | ${a.toFixed(2)} | ${b.toFixed(2)} | ${(a / b).toFixed(2)} | ${c.toFixed(0)} | `
        + `${d.toFixed(0)} |`);
}
