// goes-on.mjs BASE FILE: whether the tokens of fill.mjs go on, and a sync after the import has the one event since.
import { readFileSync } from 'node:fs';
import { Client, q } from './client.mjs';

const [base, file] = process.argv.slice(2);
const before = JSON.parse(readFileSync(file, 'utf8'));
const faults = [];
for (const [name, session] of Object.entries(before.sessions)) {
    let { token } = session;

    // A token that can be refreshed may have expired by now.
    if (session.refresh) {
        token = (await new Client(base).send('POST', 'refresh', { refresh_token: session.refresh })).access_token;
    }

    if ((await new Client(base, { token }).get('account/whoami')).device_id !== session.device) faults.push(name);
}

const sync = await new Client(base, before.sessions.bob).get(`sync?timeout=0&since=${q(before.since.bob)}`);
const events = Object.values(sync.rooms?.join ?? {}).flatMap((room) => room.timeline.events);
const messages = sync.to_device?.events ?? [];
if (events.length !== 1 || events[0].event_id !== before.last) faults.push(`events ${JSON.stringify(events)}`);
if (messages.length !== 1 || messages[0].content.n !== 2) faults.push(`messages ${JSON.stringify(messages)}`);

for (const fault of faults) console.log(`failed: ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;
