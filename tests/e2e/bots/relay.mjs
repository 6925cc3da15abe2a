// A bridge made with matrix-appservice-bridge. It relays between two rooms: a puppet in the one speaks for each user of
// the other.
import { load } from "./without-crypto.mjs";

const { AppServiceRegistration, Bridge, Logger } = load("matrix-appservice-bridge", "@vector-im/matrix-bot-sdk");
Logger.configure?.({ console: "off" });

/** The registration of the bridge that listens at a port. */
export function registrationOf(domain, port) {
  const registration = new AppServiceRegistration(`http://127.0.0.1:${port}`);
  registration.setId("relay");
  registration.setHomeserverToken(AppServiceRegistration.generateToken());
  registration.setAppServiceToken(AppServiceRegistration.generateToken());
  registration.setSenderLocalpart("_relay_bot");
  registration.setRateLimited(false);
  const escaped = domain.replaceAll(".", "\\.");
  registration.addRegexPattern("users", `@_relay_.*:${escaped}`, true);
  registration.addRegexPattern("aliases", `#_relay_.*:${escaped}`, true);
  return registration;
}

export class Relay {
  /** The two rooms. */
  rooms = [];

  constructor(url, domain, port, registration) {
    Object.assign(this, { url, domain, port, registration });
  }

  puppetOf(userId) {
    return `@_relay_${userId.slice(1).split(":")[0]}:${this.domain}`;
  }

  intent(userId) {
    return this.bridge.getIntent(userId);
  }

  async starts() {
    this.bridge = new Bridge({
      homeserverUrl: this.url, domain: this.domain, registration: this.registration, disableStores: true,
      logRequestOutcome: false,
      controller: {
        onUserQuery: (user) => ({ name: `${user.localpart} (made on demand)` }),
        onAliasQuery: (alias, localpart) => ({ creationOpts: {
          preset: "public_chat", name: `Channel ${localpart}`, room_alias_name: localpart,
        } }),
        onEvent: (request) => this.#relays(request.getData()),
      },
    });
    await this.bridge.run(this.port, undefined, "127.0.0.1");
  }

  async ends() {
    await this.bridge?.close();
  }

  async #relays(event) {
    const at = this.rooms.indexOf(event.room_id);
    if (event.type !== "m.room.message" || at < 0 || event.sender.startsWith("@_relay_")) return;
    await this.intent(this.puppetOf(event.sender)).sendText(this.rooms[1 - at], event.content.body);
  }
}
