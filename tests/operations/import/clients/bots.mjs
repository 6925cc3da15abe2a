// Two bots of matrix-bot-sdk: one lives through the import, the other ends before it and starts after it.
import { join } from 'node:path';
import { EchoBot, notices } from '../../../e2e/bots/echo-bot.mjs';
import { User } from '../../../e2e/support/client.mjs';
import { until } from '../../../e2e/sdk/person.mjs';
import { same } from '../tally.mjs';

export class Bots {
    constructor(world) {
        this.world = world;
    }

    async before() {
        const { near, far, folder } = this.world;
        this.dan = await User.register(near, 'dan');
        this.pia = await User.register(far, 'pia');
        const bot = (name) => EchoBot.registers(near.url, name, join(folder, `${name}.json`), name, `!${name} `);
        this.living = await bot('living');
        this.sleeping = await bot('sleeping');
        for (const each of this.#both) await each.starts();
        const invite = [...this.#both.map((each) => each.id), this.pia.id];
        this.room = await this.dan.createsRoom({ preset: 'private_chat', invite });
        await this.pia.joins(this.room);
        await until('the bots join', async () => (await this.#members()).length === 4);
        for (const each of this.#both) await this.dan.sends(this.room, `${each.command}before`);
        for (const each of this.#both) await this.#noticed(each, ['before']);
    }

    async owes() {
        this.sleeping.ends();
        await this.dan.sends(this.room, `${this.sleeping.command}asleep`);
    }

    async meanwhile() {
        for (const each of this.#both) await this.pia.sends(this.room, `${each.command}meanwhile`);
    }

    async after(holds) {
        await this.sleeping.starts();
        await this.dan.sends(this.room, 'hello');
        await holds('a bot answers what another server sent meanwhile', () =>
            this.#noticed(this.living, ['before', 'meanwhile']));
        await holds('a bot that ended before answers what it missed', () =>
            this.#noticed(this.sleeping, ['before', 'asleep', 'meanwhile']));
        for (const each of this.#both) await this.dan.sends(this.room, `${each.command}after`);
        await holds('a bot goes on, and answers nothing twice', () =>
            this.#noticed(this.living, ['before', 'meanwhile', 'after']));
        await holds('a bot that ended before goes on, and answers nothing twice', () =>
            this.#noticed(this.sleeping, ['before', 'asleep', 'meanwhile', 'after']));
    }

    stops() {
        for (const each of this.#both) each?.ends();
    }

    get #both() {
        return [this.living, this.sleeping];
    }

    async #members() {
        const events = (await this.dan.get(`/_matrix/client/v3/rooms/${this.room}/members?membership=join`)).chunk;
        return events.map((event) => event.state_key);
    }

    /** Waits until a bot has sent these notices, in this order; returns what it has sent if it does not. */
    async #noticed(bot, expected) {
        let seen;
        await until('the notices', async () => {
            seen = notices((await this.dan.messages(this.room)).chunk, bot.id);
            return seen.length >= expected.length;
        }).catch(() => undefined);
        return same(seen, expected);
    }
}
