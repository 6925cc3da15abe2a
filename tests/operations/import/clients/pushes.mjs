// A phone that is notified through a push gateway.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { User, v3 } from '../../../e2e/support/client.mjs';
import { until } from '../../../e2e/sdk/person.mjs';
import { same } from '../tally.mjs';

export class Pushes {
    #pushes = [];

    constructor(world) {
        this.world = world;
    }

    async before() {
        const { near, pushPort } = this.world;
        this.paul = await User.register(near, 'paul');
        this.rosa = await User.register(near, 'rosa');
        this.room = await this.rosa.createsRoom({ preset: 'public_chat', name: 'Hall' });
        await this.paul.joins(this.room);
        await this.#opens();
        await this.paul.post(v3`pushers/set`, {
            kind: 'http', app_id: 'org.example.phone', pushkey: 'paul', app_display_name: 'Chat',
            device_display_name: 'Phone', lang: 'en',
            data: { url: `https://127.0.0.1:${pushPort}/_matrix/push/v1/notify` },
        });
        await this.#pushed(await this.#mentions('dinner'));
        await this.paul.post(v3`rooms/${this.room}/receipt/m.read/${this.#pushes.at(-1).event_id}`);
    }

    /** The gateway is down: a push is owed to it. */
    async owes() {
        this.gateway.closeAllConnections();
        await new Promise((closed) => this.gateway.close(closed));
        this.owed = await this.#mentions('are you coming?');
    }

    async meanwhile() {
        await this.#opens();
    }

    async after(holds) {
        await holds('a push that was owed is sent', async () => {
            const got = await this.#pushed(this.owed);
            return same([got.content.body, got.counts.unread], ['are you coming?', 1]);
        });
        await holds('a new message is pushed', async () => {
            const got = await this.#pushed(await this.#mentions('it gets cold'));
            return same(
                [got.room_name, got.sender, got.counts.unread, got.devices[0].tweaks.highlight],
                ['Hall', this.rosa.id, 1, true]);
        });
        await holds('no push came twice', () => {
            const ids = this.#pushes.map((one) => one.event_id).filter(Boolean);
            return same(ids, [...new Set(ids)]);
        });
    }

    stops() {
        this.gateway?.closeAllConnections();
        this.gateway?.close();
    }

    #mentions(body) {
        return this.rosa.sends(this.room, { msgtype: 'm.text', body, 'm.mentions': { user_ids: [this.paul.id] } });
    }

    #pushed(id) {
        return until(`a push of ${id}`, () => this.#pushes.find((one) => one.event_id === id));
    }

    async #opens() {
        const { certificate, key, pushPort } = this.world;
        const options = { cert: readFileSync(certificate), key: readFileSync(key) };
        this.gateway = createServer(options, async (request, response) => {
            let text = '';
            for await (const part of request) text += part;
            this.#pushes.push(JSON.parse(text).notification);
            response.setHeader('content-type', 'application/json');
            response.end(JSON.stringify({ rejected: [] }));
        });
        await new Promise((listening) => this.gateway.listen(pushPort, '127.0.0.1', listening));
    }
}
