// ask.mjs BASE SUMMARY OUT [SYNAPSE]: the same questions for either server, by several users with several tokens.
// SYNAPSE is the file of the answers of Synapse, whose tokens are asked again; without it, this is Synapse.
import { readFileSync, writeFileSync } from 'node:fs';

const [base, file, out, before] = process.argv.slice(2);
const summary = JSON.parse(readFileSync(file, 'utf8'));
const earlier = before && JSON.parse(readFileSync(before, 'utf8'));
const id = encodeURIComponent;

async function get(path, token, method = 'GET') {
    const response = await fetch(`${base}/_matrix/client/${path}`, {
        method, headers: { authorization: `Bearer ${token}` },
    });
    const text = await response.text();
    return { status: response.status, bytes: text.length, body: text ? JSON.parse(text) : {} };
}

/** Changes of device lists that came after each moment. */
const DEVICES_SINCE = { minute: 2, day: 10, '60 days': 20 };

/** Synapse's token of a moment: the parts that the generator spread over time. No message to a device was delivered. */
function tokenOf(now, name, moment) {
    const parts = now.slice(1).split('_');
    parts[0] = String(moment.events);
    parts[3] = String(moment.receipts);
    parts[4] = String(moment.account_data);
    parts[6] = '0';
    parts[7] = String(summary.devices - DEVICES_SINCE[name]);
    return `s${parts.join('_')}`;
}

/** Defaults of the servers differ: questions that are compared say what they want. */
const ten = id(JSON.stringify({ presence: { types: [] }, room: { timeline: { limit: 10 } } }));
const threaded = id(JSON.stringify({
    presence: { types: [] }, room: { timeline: { limit: 10, unread_thread_notifications: true } } }));

const answers = {};
const users = summary.users.filter((_, at) => at % Math.ceil(summary.users.length / 12) === 0);
const large = summary.rooms[0].user;
if (!users.some((user) => user.id === large.id)) users.push(large);

for (const user of users) {
    const mine = {};
    const ask = async (name, path) => { mine[name] = await get(path, user.token); return mine[name].body; };
    const first = await ask('sync initial', `v3/sync?timeout=0&filter=${ten}`);
    const tokens = earlier ? earlier[user.id].tokens : {
        ...Object.fromEntries(Object.entries(summary.moments).reverse()
            .map(([name, moment]) => [name, tokenOf(first.next_batch, name, moment)])),
        now: first.next_batch,
    };
    mine.tokens = tokens;
    for (const [name, since] of Object.entries(tokens)) {
        await ask(`sync ${name}`, `v3/sync?timeout=0&since=${id(since)}&filter=${ten}`);
        await ask(`sync by default ${name}`, `v3/sync?timeout=0&since=${id(since)}`);
        await ask(`sync full state ${name}`, `v3/sync?timeout=0&full_state=true&since=${id(since)}&filter=${ten}`);
        await ask(`keys changes ${name}`, `v3/keys/changes?from=${id(since)}&to=${id(tokens.now)}`);
    }
    await ask('sync by default', 'v3/sync?timeout=0');
    await ask('sync threads', `v3/sync?timeout=0&filter=${threaded}`);
    await ask('sync lazy', `v3/sync?timeout=0&filter=${id(JSON.stringify({
        presence: { types: [] }, room: { state: { lazy_load_members: true }, timeline: { limit: 5 } } }))}`);
    await ask('notifications', 'v3/notifications?limit=100');
    await ask('push rules', 'v3/pushrules/');
    await ask('account data', `v3/user/${id(user.id)}/account_data/m.direct`);
    await ask('profile', `v3/profile/${id(user.id)}`);
    await ask('devices', 'v3/devices');
    await ask('joined rooms', 'v3/joined_rooms');
    const rooms = (earlier ? earlier[user.id].rooms : Object.keys(first.rooms?.join ?? {}).slice(0, 6));
    mine.rooms = rooms;
    for (const room of rooms) {
        const at = `rooms/${id(room)}`;
        const pages = earlier ? earlier[user.id].pages[room] : first.rooms.join[room].timeline.prev_batch;
        (mine.pages ??= {})[room] = pages;
        await ask(`${room} members`, `v3/${at}/members`);
        await ask(`${room} state`, `v3/${at}/state`);
        await ask(`${room} page`, `v3/${at}/messages?dir=b&limit=30`);
        const page = await ask(`${room} page of a token`, `v3/${at}/messages?dir=b&limit=30&from=${id(pages)}`);
        const next = earlier ? earlier[user.id].next[room] : page.end;
        (mine.next ??= {})[room] = next;
        if (next) {
            await ask(`${room} next page`, `v3/${at}/messages?dir=b&limit=30&from=${id(next)}`);
            await ask(`${room} page forwards`, `v3/${at}/messages?dir=f&limit=30&from=${id(next)}`);
        }
        await ask(`${room} page of day`, `v3/${at}/messages?dir=b&limit=30&from=${id(tokens.day)}`);
        await ask(`${room} page of 60 days`, `v3/${at}/messages?dir=b&limit=30&from=${id(tokens['60 days'])}`);
        await ask(`${room} members of 60 days`, `v3/${at}/members?at=${id(tokens['60 days'])}`);
        const chosen = earlier ? earlier[user.id].chosen[room]
            : (page.chunk ?? []).filter((_, place) => place % 10 === 0).map((event) => event.event_id);
        (mine.chosen ??= {})[room] = chosen;
        for (const event of chosen) await ask(`${room} context ${event}`, `v3/${at}/context/${id(event)}?limit=6`);
        for (const event of chosen) await ask(`${room} event ${event}`, `v3/${at}/event/${id(event)}`);
        const threads = await ask(`${room} threads`, `v1/${at}/threads?limit=5`);
        const roots = earlier ? earlier[user.id].roots[room]
            : (threads.chunk ?? []).map((event) => event.event_id);
        (mine.roots ??= {})[room] = roots;
        for (const root of roots) {
            await ask(`${room} relations ${root}`, `v1/${at}/relations/${id(root)}?limit=20`);
            await ask(`${room} thread ${root}`, `v1/${at}/relations/${id(root)}/m.thread?limit=20`);
        }
    }
    answers[user.id] = mine;
}
writeFileSync(out, JSON.stringify(answers));
console.log(`${users.length} users, ${Object.values(answers).reduce((sum, each) =>
    sum + Object.values(each).filter((answer) => answer?.status).length, 0)} answers`);
