// The web client Hydrogen in a browser, in a page that stays open.
import { join } from 'node:path';
import { browse } from '../../../e2e/browser/chromium.mjs';
import { locatorsOf, patience } from '../../../e2e/browser/hydrogen.mjs';
import { serve } from '../../../e2e/browser/site.mjs';
import { User, timeline } from '../../../e2e/support/client.mjs';
import { png } from '../../../e2e/support/png.mjs';
import { same } from '../tally.mjs';
import { uploaded } from './media.mjs';

export class Pages {
    #complaints = [];
    #shown = locatorsOf(() => this.page);

    constructor(world) {
        this.world = world;
    }

    async before() {
        const { near, folder } = this.world;
        this.hana = await User.register(near, 'hana');
        this.ivo = await User.register(near, 'ivo');
        this.room = await this.hana.createsRoom({ preset: 'private_chat', name: 'Garden', invite: [this.ivo.id] });
        await this.ivo.joins(this.room);
        await this.#sendsPicture();
        for (let i = 1; i <= 60; i++) await this.ivo.sends(this.room, `seed ${i}.`);
        this.site = await serve(near.url);
        const { browser, page, outside } = await browse(join(folder, 'browser'));
        Object.assign(this, { browser, page, outside });
        // A request that fails while no server is there is tried again.
        page.on('pageerror', (error) => error.name === 'ConnectionError' || this.#complaints.push(`${error}`));
        page.on('response', (response) => {
            if (response.status() >= 500) this.#complaints.push(`${response.status()} ${response.url()}`);
        });
        await page.goto(this.site.url);
        await page.fill('#username', 'hana', patience);
        await page.fill('#password', 'password');
        await page.click('button[type=submit]');
        await this.#shown.roomInList('Garden').click(patience);
        await this.#shown.message('seed 60.').waitFor(patience);
        await this.#says('hello from the browser');
    }

    async owes() {}

    async meanwhile() {}

    async after(holds) {
        await holds('an open page of Hydrogen gets what is new', async () => {
            await this.ivo.sends(this.room, 'after the import');
            await this.#shown.message('after the import').waitFor(patience);
            return true;
        });
        await holds('an open page of Hydrogen sends', () => this.#says('still here'));
        await holds('a page of Hydrogen reads older messages and pictures', async () => {
            const picture = this.page.locator('.Timeline_messageBody img');
            for (let i = 0; i < 200 && (await picture.count()) === 0; i++) {
                await this.page.locator('.Timeline_scroller').evaluate((timeline) => (timeline.scrollTop = 0));
                await this.page.waitForTimeout(100);
            }

            await this.page.waitForFunction(
                () => [...document.querySelectorAll('.Timeline_messageBody img')]
                    .some((i) => i.complete && i.naturalWidth > 100),
                undefined, patience);
            return true;
        });
        await holds('a page of Hydrogen that is loaded again is signed in', async () => {
            await this.page.reload();
            await this.#shown.roomInList('Garden').click(patience);
            await this.#shown.message('still here').waitFor(patience);
            return true;
        });
        await holds('the page has no errors', () => same([...this.#complaints, ...this.outside], []));
    }

    async stops() {
        await this.browser?.close();
        this.site?.close();
    }

    async #says(text) {
        const { next_batch: since } = await this.ivo.sync();
        await this.#shown.says(text);
        const isHers = (event) => event.sender === this.hana.id && event.content.body === text;
        await this.ivo.syncUntil(since, (response) => timeline(response, this.room).some(isHers));
        return true;
    }

    async #sendsPicture() {
        const url = await uploaded(this.ivo, png(640, 480), 'image/png', 'rose.png');
        const info = { w: 640, h: 480, mimetype: 'image/png' };
        await this.ivo.sends(this.room, { msgtype: 'm.image', body: 'rose.png', url, info });
    }
}
