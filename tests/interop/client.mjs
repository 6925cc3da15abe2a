// A user of a homeserver, by plain requests of the Client-Server API.

export class Failure extends Error {
  constructor(status, body, what) {
    super(`${what}: ${status} ${JSON.stringify(body)}`);
    this.status = status;
    this.errcode = body?.errcode;
  }
}

const slow = 60_000;

export class User {
  constructor(server, label) {
    this.server = server;
    this.label = label;
    this.transactions = 0;
  }

  static async register(server, label, name) {
    const user = new User(server, label);
    const body = { username: name, password: `${name}-password`, auth: { type: 'm.login.dummy' } };
    const answer = await user.request('POST', 'v3/register', body);
    user.id = answer.user_id;
    user.token = answer.access_token;
    return user;
  }

  async request(method, path, body) {
    const response = await fetch(`${this.server}/_matrix/client/${path}`, {
      method,
      headers: {
        'Content-Type': 'application/json',
        ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(slow),
    });
    const json = await response.json().catch(() => ({}));
    if (!response.ok) throw new Failure(response.status, json, `${this.label} ${method} ${path}`);
    return json;
  }

  room(id, rest) {
    return `v3/rooms/${encodeURIComponent(id)}/${rest}`;
  }

  async create(options) {
    return (await this.request('POST', 'v3/createRoom', options)).room_id;
  }

  async join(idOrAlias, via = []) {
    const query = via.map((server) => `server_name=${server}&via=${server}`).join('&');
    return (await this.request('POST', `v3/join/${encodeURIComponent(idOrAlias)}?${query}`, {})).room_id;
  }

  async knock(room, via) {
    const query = via.map((server) => `server_name=${server}&via=${server}`).join('&');
    await this.request('POST', `v3/knock/${encodeURIComponent(room)}?${query}`, { reason: 'please' });
  }

  act(room, what, userId) {
    return this.request('POST', this.room(room, what), userId ? { user_id: userId } : {});
  }

  async say(room, body) {
    const path = this.room(room, `send/m.room.message/t${(this.transactions += 1)}`);
    return (await this.request('PUT', path, { msgtype: 'm.text', body })).event_id;
  }

  async redact(room, eventId) {
    const path = this.room(room, `redact/${encodeURIComponent(eventId)}/t${(this.transactions += 1)}`);
    return (await this.request('PUT', path, {})).event_id;
  }

  async set(room, type, content, key = '') {
    return (await this.request('PUT', this.room(room, `state/${type}/${encodeURIComponent(key)}`), content)).event_id;
  }

  get(room, type, key = '') {
    return this.request('GET', this.room(room, `state/${type}/${encodeURIComponent(key)}`));
  }

  /** The room's state: a line for each entry, sorted. */
  async state(room) {
    const events = await this.request('GET', this.room(room, 'state'));
    return events.map((event) => `${event.type} ${event.state_key} ${event.event_id}`).sort();
  }

  /** The bodies of the latest messages, oldest first. */
  async bodies(room, limit = 200) {
    const page = await this.request('GET', this.room(room, `messages?dir=b&limit=${limit}`));
    return page.chunk
      .filter((event) => event.type === 'm.room.message')
      .map((event) => event.content.body ?? '')
      .reverse();
  }

  /** The bodies of all messages, from the newest back to the room's beginning. */
  async walk(room) {
    const bodies = [];
    let from;
    do {
      const at = from ? `&from=${encodeURIComponent(from)}` : '';
      const page = await this.request('GET', this.room(room, `messages?dir=b&limit=100${at}`));
      for (const event of page.chunk) if (event.type === 'm.room.message') bodies.push(event.content.body ?? '');
      from = page.end;
    } while (from);
    return bodies;
  }

  /** The rooms of an initial sync: {join, invite, leave, knock}. */
  async rooms() {
    // Synapse keeps the response to an initial sync for a while, so each has a filter of its own.
    const filter = encodeURIComponent(JSON.stringify({ presence: { limit: 1 + Math.floor(Math.random() * 1e9) } }));
    return (await this.request('GET', `v3/sync?timeout=0&filter=${filter}`)).rooms ?? {};
  }
}

/** Repeats a check until it returns without a failure; the last failure is thrown after the time. */
export async function eventually(check, within = 20_000) {
  const until = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (failure) {
      if (Date.now() > until) throw failure;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }
}

export function same(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a === b) return;
  if (!Array.isArray(actual) || !Array.isArray(expected)) throw new Error(`${what}: ${a} is not ${b}`);
  const only = (some, others) => JSON.stringify(some.filter((each) => !others.includes(each)));
  throw new Error(
    `${what}: ${actual.length} and ${expected.length}, only in the first ${only(actual, expected)}, `
    + `only in the second ${only(expected, actual)}`);
}

export function holds(condition, what) {
  if (!condition) throw new Error(what);
}
