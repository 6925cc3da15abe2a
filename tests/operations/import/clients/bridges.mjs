// A bridge of matrix-appservice-bridge, which is away while the server is changed.
import { User, timeline, v3 } from '../../../e2e/support/client.mjs';
import { until } from '../../../e2e/sdk/person.mjs';
import { Relay } from '../../../e2e/bots/relay.mjs';
import { same } from '../tally.mjs';

export class Bridges {
    constructor(world) {
        this.world = world;
    }

    async before() {
        const { near, far, bridgePort, registration } = this.world;
        this.eve = await User.register(near, 'eve');
        this.fay = await User.register(near, 'fay');
        this.gus = await User.register(far, 'gus');
        this.relay = new Relay(near.url, near.name, bridgePort, registration);
        await this.relay.starts();
        for (const user of [this.eve, this.fay]) {
            this.relay.rooms.push(await user.createsRoom({ preset: 'public_chat' }));
        }

        for (const room of this.relay.rooms) await this.relay.intent().join(room);
        await this.gus.post(v3`join/${this.relay.rooms[0]}` + `?server_name=${near.name}`);
        await this.eve.sends(this.relay.rooms[0], 'hello over there');
        await this.#heard(this.eve, ['hello over there']);
    }

    async owes() {
        await this.relay.ends();
        for (const body of ['one', 'two']) await this.eve.sends(this.relay.rooms[0], body);
    }

    async meanwhile() {
        await this.gus.sends(this.relay.rooms[0], 'is anybody there?');
    }

    async after(holds) {
        await this.eve.sends(this.relay.rooms[0], 'three');
        await this.relay.starts();
        await holds('a bridge gets what it missed, once and in order', () =>
            this.#heard(this.eve, ['hello over there', 'one', 'two', 'three']));
        await holds('a bridge gets what another server sent meanwhile', () =>
            this.#heard(this.gus, ['is anybody there?']));
        await holds('a puppet of the bridge still speaks', async () => {
            const id = (await this.relay.intent(this.relay.puppetOf(this.eve.id)).sendText(this.relay.rooms[1], 'x'))
                .event_id;
            const response = await this.fay.syncUntil(
                undefined, (r) => timeline(r, this.relay.rooms[1]).some((event) => event.event_id === id));
            return response !== undefined;
        });
        await holds('an unknown alias of the bridge becomes a room', async () => {
            const { room_id: channel } = await this.eve.post(v3`join/${`#_relay_garden:${this.world.near.name}`}`);
            return same((await this.eve.state(channel, 'm.room.name')).name, 'Channel _relay_garden');
        });
        await holds('an unknown user of the bridge becomes an account', async () => {
            const user = `@_relay_stranger:${this.world.near.name}`;
            return same((await this.eve.get(v3`profile/${user}`)).displayname, '_relay_stranger (made on demand)');
        });
    }

    async stops() {
        await this.relay?.ends();
    }

    /** Waits until a user's puppet has said this in the other room; returns what it has said if it does not. */
    async #heard(user, expected) {
        let seen;
        await until('the puppet', async () => {
            seen = (await this.fay.messages(this.relay.rooms[1])).chunk
                .filter((event) => event.sender === this.relay.puppetOf(user.id) && event.type === 'm.room.message')
                .map((event) => event.content.body).reverse();
            return seen.length >= expected.length;
        }).catch(() => undefined);
        return same(seen, expected);
    }
}
