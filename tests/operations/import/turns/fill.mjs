// fill.mjs BASE SECRET EVENTS USERS ROOMS OUT: fills a server by its own API to the size of a generated source, with
// rooms of the same sizes. OUT is a summary as the generator's.
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

const [base, secret, events, users, rooms, out] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const words = 'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt'.split(' ');
let sent = 0;

function call(method, path, token, body) {
    return new Promise((resolve, reject) => {
        const data = body && JSON.stringify(body);
        const asked = request(base + path, {
            method, agent, headers: {
                ...(token && { authorization: `Bearer ${token}` }),
                ...(data && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(data) }),
            },
        }, (response) => {
            let text = '';
            response.setEncoding('utf8');
            response.on('data', (part) => { text += part; });
            response.on('end', () => (response.statusCode < 300 ? resolve(JSON.parse(text))
                : reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))));
        });
        asked.on('error', reject);
        asked.end(data);
    });
}

async function each(list, width, work) {
    let next = 0;
    await Promise.all(Array.from({ length: width }, async () => {
        while (next < list.length) { const at = next++; await work(list[at], at); }
    }));
}

const random = (() => { let state = 7; return () => (state = (state * 48271) % 2147483647) / 2147483647; })();
const people = [];
await each(Array.from({ length: Number(users) }, (_, at) => `own${at}`), 4, async (name) => {
    const { nonce } = await call('GET', '/_synapse/admin/v1/register');
    const mac = createHmac('sha1', secret).update([nonce, name, 'secret', 'notadmin'].join('\0')).digest('hex');
    const made = await call('POST', '/_synapse/admin/v1/register', undefined,
        { nonce, username: name, password: 'secret', admin: false, mac });
    people.push({ id: made.user_id, token: made.access_token, device: made.device_id });
});
const made = [];
await each(Array.from({ length: Number(rooms) }), 16, async (_, at) => {
    const creator = people[Math.floor(random() * people.length)];
    const { room_id: id } = await call('POST', '/_matrix/client/v3/createRoom', creator.token,
        { preset: 'public_chat', name: `Room ${at}` });
    sent += 7;
    made.push({ id, user: creator, people: [creator] });
});
for (const [at, room] of made.entries()) {
    const size = at === 0 ? people.length : Math.floor(random() * 28) + 1;
    const coming = new Set(Array.from({ length: size }, (_, place) =>
        (at === 0 ? people[place] : people[Math.floor(random() * people.length)])));
    coming.delete(room.user);
    await each([...coming], 16, async (person) => {
        await call('POST', `/_matrix/client/v3/join/${encodeURIComponent(room.id)}`, person.token, {});
        room.people.push(person);
        sent++;
    });
}
const weights = made.map((_, at) => 1 / (1 + at) ** 0.6);
const sum = weights.reduce((all, weight) => all + weight, 0);
const left = Math.max(0, Number(events) - sent);
const text = () => Array.from({ length: 3 + Math.floor(random() * 38) }, () =>
    words[Math.floor(random() * words.length)]).join(' ');
const encrypted = (device) => ({ algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'A'.repeat(300), device_id: device,
    sender_key: 'x'.repeat(43), session_id: 'y'.repeat(43) });

/** What happens in a room, as often as in a generated source. */
async function act(room, person) {
    const [drawn, at] = [random(), `/_matrix/client/v3/rooms/${encodeURIComponent(room.id)}`];
    const say = (type, content) => call('PUT', `${at}/send/${type}/t${sent}`, person.token, content);
    if (drawn < 0.035) {
        return call('PUT', `${at}/state/m.room.member/${encodeURIComponent(person.id)}`, person.token,
            { membership: 'join', displayname: `Name ${sent}` });
    }
    if (drawn < 0.04) return call('PUT', `${at}/state/m.room.topic/`, room.user.token, { topic: text() });
    if (drawn < 0.05 && room.last) {
        const { id, by } = room.last;
        room.last = undefined;
        return call('PUT', `${at}/redact/${encodeURIComponent(id)}/r${sent}`, by.token, {});
    }
    if (drawn < 0.45) return say('m.room.encrypted', encrypted(person.device));
    if (drawn < 0.49 && room.last) {
        return say('m.reaction', {
            'm.relates_to': { rel_type: 'm.annotation', event_id: room.last.id, key: `${sent}` } });
    }
    const relates = drawn < 0.52 && room.root ? { 'm.relates_to': { rel_type: 'm.thread', event_id: room.root } } : {};
    const made = await say('m.room.message', { msgtype: 'm.text', body: text(), ...relates });
    if (relates['m.relates_to']) return made;
    room.last = { id: made.event_id, by: person };
    if (random() < 0.002) { room.root = made.event_id; room.last = undefined; }
    return made;
}

/** Several receipts a member, near the end. */
async function read(room, person, event) {
    const at = `/_matrix/client/v3/rooms/${encodeURIComponent(room.id)}`;
    await call('POST', `${at}/read_markers`, person.token, { 'm.read': event, 'm.fully_read': event });
    const id = encodeURIComponent(event);
    if (random() < 0.4) await call('POST', `${at}/receipt/m.read.private/${id}`, person.token, {});
    if (random() < 0.3) await call('POST', `${at}/receipt/m.read/${id}`, person.token, { thread_id: 'main' });
}

await each(made, 48, async (room, at) => {
    for (let number = Math.round((left * weights[at]) / sum); number > 0; number--) {
        sent++;
        const person = room.people[Math.floor(random() * room.people.length)];
        await act(room, person);
    }
    if (room.last?.id) for (const person of room.people) await read(room, person, room.last.id);
});
agent.destroy();
writeFileSync(out, JSON.stringify({ rooms: made.map((room) => ({
    id: room.id, members: room.people.length, user: room.user })), users: people }));
console.log(`${sent} events, ${people.length} users, ${made.length} rooms by the server's own API`);
