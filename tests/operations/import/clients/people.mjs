// People with matrix-js-sdk and their encrypted room, in which one is at another server: messages, a thread, a picture,
// a backup, devices that verified each other, and a device that reads by sliding sync.
import { User, v3 } from '../../../e2e/support/client.mjs';
import { png } from '../../../e2e/support/png.mjs';
import { Recovery } from '../../../e2e/sdk/recovery.mjs';
import { Person, SlidingSync, sdk, until } from '../../../e2e/sdk/person.mjs';
import { same } from '../tally.mjs';
import { opened, sealed } from './attachment.mjs';

const state = [['m.room.create', ''], ['m.room.name', ''], ['m.room.encryption', ''], ['m.room.member', '$LAZY']];
const picture = png(64, 48);

export class People {
    #recovery = new Recovery();
    #said = [];

    constructor(world) {
        this.world = world;
    }

    get everyone() {
        return [this.ann, this.ben, this.slider, this.olga, this.tablet, this.phone, this.hers, this.his]
            .filter(Boolean);
    }

    async before() {
        const { near, far } = this.world;
        this.ann = await Person.registers(near, 'ann', { cryptoCallbacks: this.#recovery.callbacks() });
        this.ben = await Person.registers(near, 'ben');
        this.olga = await Person.registers(far, 'olga');
        for (const person of this.everyone) await person.bootstrapsCrossSigning();
        await this.#recovery.setsUp(this.ann);
        this.room = await this.ann.createsEncryptedRoom({ name: 'Kitchen', invite: [this.ben.id, this.olga.id] });
        for (const person of [this.ben, this.olga]) await person.joins(this.room);
        for (const person of [this.ben, this.olga]) await this.ann.knowsOf(person, this.room);
        await this.ben.knowsOf(this.olga, this.room);
        // As people do it: they have read each other before, and each knows the other's keys.
        await this.#says(this.ann, 'Shall we verify each other?');
        await this.#says(this.ben, 'Yes');
        await until('the keys are known', () => this.ann.crypto.userHasCrossSigningKeys(this.ben.id, true));
        await this.ann.verifies(this.ben, this.ann.crypto.requestVerificationDM(this.ben.id, this.room));
        this.slider = await Person.logsIn(near, 'ben', {
            syncs: (client) => new SlidingSync(
                near.url, new Map([['all', { ranges: [[0, 9]], timeline_limit: 5, required_state: state }]]),
                { timeline_limit: 5, required_state: state }, client, 3000),
        });
        await this.slider.sees(this.room);
        for (const person of [this.ann, this.ben, this.olga]) await this.#says(person, `It is ${person.id}`);
        this.root = this.#said[0].id;
        await this.#replies(this.ben, 'in the thread');
        await this.#sendsPicture();
        await until('the keys are backed up', () => this.#isBackedUp());
    }

    /** The other server is down: messages, keys and a new device are owed to it. */
    async owes() {
        await this.ann.crypto.forceDiscardSession(this.room);
        this.owed = await this.ann.sends(this.room, 'when you are back');
        await this.ben.reads(this.room, this.owed);
        this.tablet = await Person.logsIn(
            this.world.near, 'ann', { cryptoCallbacks: this.#recovery.callbacks() });
        await this.#recovery.restores(this.tablet);
        await until('the key is backed up', () => this.#isBackedUp());
        this.tokens = this.everyone.map((person) => person.client.getAccessToken());
    }

    /** This server is down: the other has messages, keys and a new device for it, and a message finds no server. */
    async meanwhile() {
        await this.ann.client.sendTextMessage(this.room, 'into the void').catch(() => undefined);
        this.phone = await Person.logsIn(this.world.far, 'olga');
        await this.olga.crypto.forceDiscardSession(this.room);
        this.missed = await this.olga.sends(this.room, 'are you there?');
        this.last = await this.olga.sends(this.room, 'well, later then');
        this.logged = this.world.farLog().length;
    }

    async after(holds) {
        const { ann, ben, olga, slider, tablet, room } = this;
        // Nobody has sent anything yet: each server has to find by itself that the other is back.
        await holds('what was owed to the other server arrives, with its keys', async () =>
            same(await olga.reads(room, this.owed), 'when you are back'));
        for (const person of [ann, ben]) {
            await holds(`${person.id} gets what the other server sent meanwhile`, async () => same(
                [await person.reads(room, this.missed), await person.reads(room, this.last)],
                ['are you there?', 'well, later then']));
        }

        const locals = { ann, ben, 'a sliding sync': slider, 'a device that the other server missed': tablet };
        for (const [who, person] of Object.entries(locals)) {
            await holds(`${who} goes on in the same process`, async () => {
                const id = await ben.sends(room, `hello again, ${who}`);
                return same(await person.reads(room, id), `hello again, ${who}`);
            });
        }

        await holds('nobody was signed out', () => same(
            this.everyone.filter((person) => person.client.isLoggedIn() && person !== this.phone)
                .map((person) => person.client.getAccessToken()), this.tokens));
        await holds('a message that found no server is sent again', async () => {
            const known = ann.client.getRoom(room);
            const unsent = known.getLiveTimeline().getEvents()
                .find((event) => event.status === sdk.EventStatus.NOT_SENT);
            const { event_id: id } = await ann.client.resendEvent(unsent, known);
            return same([await ben.reads(room, id), await olga.reads(room, id)], ['into the void', 'into the void']);
        });
        for (const [from, to] of [[ann, olga], [olga, ann], [tablet, olga], [olga, tablet]]) {
            await holds(`a message of ${from.id} on ${from.deviceId} is read by ${to.id}`, async () => {
                const id = await from.sends(room, `${from.deviceId} to ${to.deviceId}`);
                return same(await to.reads(room, id), `${from.deviceId} to ${to.deviceId}`);
            });
        }

        await holds('a device that was added meanwhile at the other server reads', async () => {
            await until('ann knows it', async () =>
                (await ann.crypto.getUserDeviceInfo([olga.id])).get(olga.id)?.has(this.phone.deviceId));
            return same(await this.phone.reads(room, await ann.sends(room, 'two of you')), 'two of you');
        });
        await holds('users who verified each other still have', async () =>
            (await ann.crypto.getUserVerificationStatus(ben.id)).isCrossSigningVerified());
        await this.#newDevice(holds);
        await holds('a thread goes on', async () => {
            const id = await this.#replies(ann, 'still in the thread');
            const { chunk } = await ben.client.createThreadListMessagesRequest(
                room, null, 10, sdk.Direction.Backward, sdk.ThreadFilterType.All);
            const thread = chunk.find((event) => event.event_id === this.root).unsigned['m.relations']['m.thread'];
            return same([thread.count, thread.latest_event.event_id], [2, id]);
        });
        await holds('a receipt reaches the other server', async () => {
            const id = await olga.sends(room, 'read this');
            await ann.reads(room, id);
            await ann.client.sendReadReceipt(ann.event(room, id));
            await until('it is seen', () => olga.client.getRoom(room).getEventReadUpTo(ann.id) === id);
            return true;
        });
        await this.#deviceLists(holds);
    }

    stops() {
        for (const person of this.everyone) person.stops();
    }

    /** A device that is added after the switch: it opens what is old, and is known to the other server. */
    async #newDevice(holds) {
        const { near } = this.world;
        const { olga, room } = this;
        await holds('the backup goes on', () => until('the keys are backed up', () => this.#isBackedUp()));
        await holds('a login with the old password', async () => {
            this.hers = await Person.logsIn(near, 'ann', { cryptoCallbacks: this.#recovery.callbacks() });
            return same(this.hers.id, this.ann.id);
        });
        await holds('a new device restores the backup', async () => {
            await this.hers.sees(room);
            const { total, imported } = await this.#recovery.restores(this.hers);
            return total === imported && total >= this.#said.length || { total, imported };
        });
        await holds('a new device opens old messages', async () => {
            const found = [];
            const old = [...this.#said, { id: this.missed, body: 'are you there?' }];
            for (const { id } of old) found.push(await this.#opens(id));
            return same(found, old.map(({ body }) => body));
        });
        await holds('a new device opens an old picture', async () => {
            await this.#opens(this.picture);
            const { file } = this.hers.event(room, this.picture).getContent();
            const user = new User(near, { access_token: this.hers.client.getAccessToken() });
            return picture.equals(await opened(user, file)) || 'another picture';
        });
        await holds('the other server encrypts for the new device', async () =>
            same(await this.hers.reads(room, await olga.sends(room, 'your newest')), 'your newest'));
    }

    /**
     * The other server hears of devices that come and go by the updates alone. Of one that was added before, it may
     * fetch the list: the numbers in Synapse's responses are not always those of its updates.
     */
    async #deviceLists(holds) {
        const hears = (device) => until('the update', () => this.#updates().find((line) => line.includes(device)));
        const isEnough = async (device) => {
            const line = await hears(device);
            return line.includes('requiring resync: False') || line;
        };
        await holds('the other server hears of a device that was added while it was down', async () =>
            (await hears(this.tablet.deviceId)) !== undefined);
        await holds('the other server fetches no list for a new device', () => isEnough(this.hers.deviceId));
        await holds('the other server fetches no list for the first new device of a user', async () => {
            this.his = await Person.logsIn(this.world.near, 'ben');
            return isEnough(this.his.deviceId);
        });
        await holds('the other server fetches no list for a device that is signed out', async () => {
            await this.slider.client.logout(true);
            return isEnough(this.slider.deviceId);
        });
    }

    /** What the other server logged of updates of device lists. */
    #updates() {
        return this.world.farLog().slice(this.logged)
            .filter((line) => line.includes(`:${this.world.near.name}, requiring resync`));
    }

    async #says(person, body) {
        const id = await person.sends(this.room, body);
        this.#said.push({ id, body });
        for (const other of [this.ann, this.ben, this.olga]) await other.reads(this.room, id);
    }

    /**
     * Replies in the thread. If the reply comes by sync before its own response, the SDK looks for it outside of the
     * thread; then another's client has it.
     */
    async #replies(person, body) {
        const sent = await person.client.sendMessage(this.room, this.root, { msgtype: 'm.text', body })
            .catch((problem) => {
                if (!problem.message.includes('not a local echo')) throw problem;
            });
        const other = person === this.ben ? this.ann : this.ben;
        const reply = () => {
            const thread = other.client.getRoom(this.room).getThread(this.root);
            return [...thread?.events ?? [], thread?.replyToEvent]
                .find((event) => event?.getSender() === person.id && event.getContent().body === body);
        };
        return sent?.event_id ?? (await until('the reply', reply)).getId();
    }

    async #sendsPicture() {
        const user = new User(this.world.near, { access_token: this.ann.client.getAccessToken() });
        const content = {
            msgtype: 'm.image', body: 'soup.png', info: { w: 64, h: 48, mimetype: 'image/png', size: picture.length },
            file: await sealed(user, picture),
        };
        this.picture = (await this.ann.client.sendMessage(this.room, content)).event_id;
        await this.olga.reads(this.room, this.picture);
    }

    /**
     * Whether the backup has all keys of ann's first device, which has each from its first message on. A device that
     * got a key later may have stored it from there.
     */
    async #isBackedUp() {
        const { near } = this.world;
        const user = new User(near, { access_token: this.ann.client.getAccessToken() });
        const { version } = await user.get(v3`room_keys/version`);
        const { rooms } = await user.get(`${v3`room_keys/keys`}?version=${version}`);
        const stored = rooms[this.room]?.sessions ?? {};
        const known = (await this.ann.crypto.exportRoomKeys()).filter((key) => key.room_id === this.room);
        return known.every((key) => stored[key.session_id]?.first_message_index === 0);
    }

    /** Pages back until the newest device has an event, and reads it. */
    async #opens(id) {
        const timelines = this.hers.client.getRoom(this.room).getUnfilteredTimelineSet();
        const pages = { backwards: true, limit: 50 };
        for (let page = 0; page < 10 && !this.hers.event(this.room, id); page++) {
            if (!(await this.hers.client.paginateEventTimeline(timelines.getLiveTimeline(), pages))) break;
        }

        return this.hers.reads(this.room, id);
    }
}
