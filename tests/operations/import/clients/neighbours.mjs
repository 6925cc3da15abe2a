// People in a room that the other server made, where both servers go on while they do not reach each other, and joins
// and media between the servers.
import { User, timeline, v3 } from '../../../e2e/support/client.mjs';
import { until } from '../../../e2e/sdk/person.mjs';
import { same } from '../tally.mjs';
import { downloaded, uploaded } from './media.mjs';

const many = Array.from({ length: 30 }, (_, i) => `meanwhile ${i}`);

export class Neighbours {
    constructor(world) {
        this.world = world;
    }

    async before() {
        const { near, far } = this.world;
        this.nora = await User.register(near, 'nora');
        this.nils = await User.register(near, 'nils');
        this.otto = await User.register(far, 'otto');
        this.room = await this.otto.createsRoom({
            preset: 'public_chat', name: 'Street', power_level_content_override: { events: { 'm.room.name': 0 } },
        });
        for (const user of [this.nora, this.nils]) await this.#joins(user, this.room, far);
        this.nearMedia = await uploaded(this.nora, 'from the one server', 'text/plain');
        this.farMedia = await uploaded(this.otto, 'from the other server', 'text/plain');
        await this.otto.sends(this.room, 'welcome');
        const { next_batch: since } = await this.nora.syncUntil(
            undefined, (r) => timeline(r, this.room).some((event) => event.content.body === 'welcome'));
        this.since = since;
    }

    async owes() {
        for (let i = 0; i < 5; i++) await this.nora.sends(this.room, `owed ${i}`);
        await this.nora.sets(this.room, 'm.room.name', '', { name: 'Nora\'s street' });
    }

    async meanwhile() {
        for (const body of many) await this.otto.sends(this.room, body);
        await this.otto.sets(this.room, 'm.room.topic', '', { topic: 'Where we live' });
        await this.otto.sets(this.room, 'm.room.name', '', { name: 'Otto\'s street' });
        await this.otto.post(v3`rooms/${this.room}/kick`, { user_id: this.nils.id });
        this.last = await this.otto.sends(this.room, 'that is all');
    }

    async after(holds) {
        const { near, far } = this.world;
        await this.nora.sends(this.room, 'is somebody there?');
        await holds('all messages that another server sent meanwhile arrive', async () => {
            await this.nora.syncUntil(
                this.since, (r) => timeline(r, this.room).some((event) => event.event_id === this.last));
            return same(this.#from(this.otto, await this.#all(this.nora)).filter((body) => many.includes(body)), many);
        });
        await holds('a user whom another server kicked meanwhile has left', async () => {
            await until('the kick', async () => this.room in ((await this.nils.sync(
                { filter: { room: { include_leave: true } } })).rooms.leave ?? {}));
            return true;
        });
        await holds('all messages that another server was owed arrive', async () => {
            const expected = ['owed 0', 'owed 1', 'owed 2', 'owed 3', 'owed 4', 'is somebody there?'];
            let seen;
            await until('they come', async () => {
                seen = this.#from(this.nora, await this.#all(this.otto));
                return seen.length === expected.length;
            }).catch(() => undefined);
            return same(seen, expected);
        });
        await holds('both servers have the same state of a room that went on in both', async () => {
            let states;
            await until('the states meet', async () => {
                states = await Promise.all([this.nora, this.otto].map((user) => this.#state(user)));
                return same(...states) === true;
            }).catch(() => undefined);
            return same(...states);
        });
        await holds('media of another server is downloaded', async () =>
            same(`${await downloaded(this.nora, this.farMedia)}`, 'from the other server'));
        await holds('another server downloads media', async () =>
            same(`${await downloaded(this.otto, this.nearMedia)}`, 'from the one server'));
        await holds('a user of another server joins by an alias', async () => {
            const room = await this.nora.createsRoom({ preset: 'public_chat', room_alias_name: 'yard' });
            return same(await this.#joins(this.otto, `#yard:${near.name}`, near), room);
        });
        await holds('a user joins a room of another server', async () => {
            const room = await this.otto.createsRoom({ preset: 'public_chat', room_alias_name: 'park' });
            return same(await this.#joins(this.nils, `#park:${far.name}`, far), room);
        });
        await holds('a user is invited by another server, and joins', async () => {
            const room = await this.otto.createsRoom({ preset: 'private_chat', invite: [this.nils.id] });
            await this.nils.syncUntil(undefined, (response) => room in (response.rooms?.invite ?? {}));
            return same(await this.nils.joins(room), room);
        });
        await holds('a room of an old version is joined by another server', async () => {
            const room = await this.nora.createsRoom({ preset: 'public_chat', room_version: '5' });
            return same(await this.#joins(this.otto, room, near), room);
        });
    }

    stops() {}

    async #joins(user, room, server) {
        return (await user.post(`${v3`join/${room}`}?server_name=${server.name}`)).room_id;
    }

    /** What a user said, of these events. */
    #from(user, events) {
        return events.filter((event) => event.sender === user.id && event.type === 'm.room.message')
            .map((event) => event.content.body);
    }

    /** The newest events that a user sees, the oldest first: page by page, as clients read them. */
    async #all(user) {
        const events = [];
        let from;
        do {
            const next = from ? `&from=${encodeURIComponent(from)}` : '';
            const page = await user.messages(this.room, `dir=b&limit=20${next}`);
            events.push(...page.chunk);
            from = page.end;
        } while (from && events.length < 200);
        return events.reverse();
    }

    async #state(user) {
        const state = await user.get(v3`rooms/${this.room}/state`);
        return state.map((event) => `${event.type} ${event.state_key} ${event.event_id}`).sort();
    }
}
