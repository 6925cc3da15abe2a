// come.mjs BASE SUMMARY OUT: some users come online at Synapse, and know that the others are. OUT has the positions of
// sync at which they are when it stops.
import { readFileSync, writeFileSync } from 'node:fs';

const [base, file, out] = process.argv.slice(2);
const summary = JSON.parse(readFileSync(file, 'utf8'));
const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 1 } } }));
const users = summary.users.filter((_, at) => at % Math.ceil(summary.users.length / 12) === 0);
const large = summary.rooms[0].user;
if (!users.some((user) => user.id === large.id)) users.push(large);

const positions = {};
for (let round = 0; round < 2; round++) {
    for (const user of users) {
        const since = positions[user.id] ? `&since=${encodeURIComponent(positions[user.id])}` : '';
        const response = await fetch(`${base}/_matrix/client/v3/sync?timeout=0&filter=${filter}${since}`, {
            headers: { authorization: `Bearer ${user.token}` },
        });
        if (response.status !== 200) throw new Error(await response.text());
        positions[user.id] = (await response.json()).next_batch;
    }
}
writeFileSync(out, JSON.stringify(positions));
