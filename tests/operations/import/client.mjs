// A client of the Client-Server API, in a few lines: what the check of an import needs.
export class Client {
    #transaction = 0;

    constructor(base, session = {}) {
        this.base = base;
        Object.assign(this, session);
    }

    static async register(base, name, refreshes) {
        const session = await new Client(base).send('POST', 'register', {
            username: name, password: `secret-${name}`, refresh_token: refreshes, auth: { type: 'm.login.dummy' },
        });
        return new Client(base, {
            user: session.user_id, token: session.access_token, device: session.device_id,
            refresh: session.refresh_token,
        });
    }

    /** What another process needs to go on as this client. */
    get session() {
        return { user: this.user, token: this.token, device: this.device, refresh: this.refresh };
    }

    async raw(method, path, body, type = 'application/json') {
        const headers = { 'content-type': type };
        if (this.token) headers.authorization = `Bearer ${this.token}`;
        return fetch(this.base + path, {
            method, headers, body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
        });
    }

    /** Sends a request below /_matrix/client/v3; any status but 200 is an error. */
    async send(method, path, body) {
        const response = await this.raw(method, `/_matrix/client/v3/${path}`, body);
        const text = await response.text();
        if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${text}`);
        return JSON.parse(text);
    }

    get(path) {
        return this.send('GET', path);
    }

    async event(room, content, type = 'm.room.message', transaction = undefined) {
        const id = transaction ?? `t${this.#transaction++}-${process.pid}`;
        return (await this.send('PUT', `rooms/${q(room)}/send/${type}/${id}`, content)).event_id;
    }

    says(room, body, transaction) {
        return this.event(room, { msgtype: 'm.text', body }, 'm.room.message', transaction);
    }
}

/** Escapes a part of a path or a value of a query. */
export const q = encodeURIComponent;

export const versions = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'];
