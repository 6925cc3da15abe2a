// A client of the OAuth 2.0 API, with a standard library, and a browser without a window on the server's pages.
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { call, v1 } from "./client.mjs";
import { endpoint } from "./findings.mjs";
import { freePort } from "./ports.mjs";
import { Server } from "./server.mjs";

/** The library refuses plain http otherwise, which these tests have on the loopback interface. */
export const insecure = { [oauth.allowInsecureRequests]: true };
export const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
export const none = oauth.None();
export { oauth };

/** Starts a server whose public URL is its own. */
export async function startServer(settings = {}) {
  const port = await freePort();
  return await Server.start({ ...settings, MATRIX_PUBLIC_BASE_URL: `http://127.0.0.1:${port}` }, port);
}

export const metadataOf = async (server) => (await call(server, "GET", v1`auth_metadata`)).body;

export const metadata = (redirect = "http://127.0.0.1/callback", more = {}) => ({
  client_name: "Test client", client_uri: "https://client.example/", application_type: "native",
  redirect_uris: [redirect], token_endpoint_auth_method: "none", response_types: ["code"],
  grant_types: ["authorization_code", "refresh_token", deviceGrant], ...more,
});

/** Registers a client with the library. */
export async function register(as, more = {}) {
  const response = await oauth.dynamicClientRegistrationRequest(as, metadata(undefined, more), insecure);
  const client = await oauth.processDynamicClientRegistrationResponse(response);
  endpoint("client registration", "valid");
  return client;
}

export const scopeOf = (device) => `urn:matrix:client:api:* urn:matrix:client:device:${device}`;

/** An authorization request: its URL, and what the client keeps for the exchange. */
export async function authorization(as, client, redirect, { device = "DEVICE0001", mode = "query", ...more } = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(as.authorization_endpoint);
  const parameters = { client_id: client.client_id, redirect_uri: redirect, response_type: "code", response_mode: mode,
    scope: scopeOf(device), state, code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256", ...more };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { url, verifier, state, redirect };
}

/** Exchanges the response of an authorization for tokens. */
export async function exchange(as, client, asked, location) {
  const answer = new URL(location);
  if (answer.hash) answer.search = answer.hash.slice(1);
  const parameters = oauth.validateAuthResponse(as, client, answer.searchParams, asked.state);
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, none, parameters, asked.redirect, asked.verifier, insecure);
  return await oauth.processAuthorizationCodeResponse(as, client, response);
}

/** Opens pages and sends forms as a browser does, with one cookie. */
export class Pages {
  async open(url) {
    return await this.#follow(await this.#fetch(url), url);
  }

  /** Sends the last page's form, with its hidden fields. */
  async submit(fields) {
    const body = new URLSearchParams({ ...this.hidden(), ...fields });
    return await this.#follow(await this.#fetch(this.url, { method: "POST", body }), this.url);
  }

  hidden() {
    const found = [...this.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
    return Object.fromEntries(found.map(([, name, value]) => [name, value]));
  }

  async signIn(url, user, password = "password") {
    await this.open(url);
    assert.match(this.text, /<h1>Sign in<\/h1>/);
    return await this.submit({ username: user.id, password });
  }

  async #fetch(url, options = {}) {
    const headers = this.cookie ? { cookie: this.cookie } : {};
    const response = await fetch(url, { ...options, headers, redirect: "manual" });
    const cookie = response.headers.getSetCookie().at(-1);
    if (cookie) this.cookie = cookie.split(";")[0];
    return response;
  }

  /** Follows redirects within the server; one that leads away is the result. */
  async #follow(response, url) {
    if (response.status === 303) {
      const next = new URL(response.headers.get("location"), url);
      if (next.origin === new URL(url).origin) return await this.open(next.href);
      this.left = next.href;
      return this;
    }
    Object.assign(this, { url, status: response.status, text: await response.text(), left: undefined });
    return this;
  }
}
