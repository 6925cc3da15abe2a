// ask.mjs BASE SUMMARY [ROOMS]: asks a server for /sync, /messages and the members of rooms that a generator wrote.
import { readFileSync } from 'node:fs';

const [base, file, count = '100'] = process.argv.slice(2);
const summary = JSON.parse(readFileSync(file, 'utf8'));
const get = async (path, token) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${base}/_matrix/client/v3/${path}`, { headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
};
const began = Date.now();
const rooms = summary.rooms.slice(0, Number(count));
let failed = 0;
for (const room of rooms) {
    const id = encodeURIComponent(room.id);
    const sync = await get('sync?timeout=0', room.user.token);
    const page = await get(`rooms/${id}/messages?dir=b&limit=20`, room.user.token);
    const members = await get(`rooms/${id}/joined_members`, room.user.token);
    const wrong = [
        sync.rooms?.join?.[room.id]?.timeline?.events?.length > 0 ? '' : 'no timeline',
        page.chunk.length === 20 || !page.end ? '' : `${page.chunk.length} events in a page`,
        Object.keys(members.joined).length === room.members ? '' : `${Object.keys(members.joined).length} members`,
    ].filter(Boolean);
    if (wrong.length) { failed++; console.log(`${room.id}: ${wrong.join(', ')}`); }
}
console.log(`/sync, /messages and members: ${rooms.length - failed} rooms right, ${failed} wrong, `
    + `${((Date.now() - began) / 1000).toFixed(0)} s`);
process.exit(failed ? 1 : 0);
