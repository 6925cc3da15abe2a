// An identity provider (OpenID Connect) with a sign-in page of its own.
import { createHash, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";

const url64 = (data) => Buffer.from(data).toString("base64url");

export class Provider {
  /** Starts a provider; whoever names themselves on its page is signed in. */
  static async start() {
    const provider = new Provider();
    provider.keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
    provider.codes = new Map();
    provider.server = createServer((request, response) => provider.#answer(request, response)).listen(0, "127.0.0.1");
    await new Promise((done) => provider.server.once("listening", done));
    provider.issuer = `http://127.0.0.1:${provider.server.address().port}`;
    return provider;
  }

  /** The settings of a server that has it. */
  settings(more = {}) {
    return { MATRIX_SSO__ALLOW_NETWORKS: "127.0.0.1/32", MATRIX_SSO__READ_PAUSE: "100ms",
      MATRIX_SSO__PROVIDERS: JSON.stringify([{ id: "corp", name: "Example Corp", issuer: this.issuer,
        client_id: "matrix", client_secret: "secret", ...more }]) };
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }

  #sign(claims) {
    const text = `${url64(JSON.stringify({ alg: "RS256", kid: "one", typ: "JWT" }))}.${url64(JSON.stringify(claims))}`;
    return `${text}.${createSign("sha256").update(text).sign(this.keys.privateKey, "base64url")}`;
  }

  async #answer(request, response) {
    const asked = new URL(request.url, this.issuer);
    const { searchParams: query } = asked;
    const json = (body, status = 200) => response.writeHead(status, { "content-type": "application/json" })
      .end(JSON.stringify(body));
    if (asked.pathname === "/.well-known/openid-configuration") {
      return json({ issuer: this.issuer, authorization_endpoint: `${this.issuer}/authorize`,
        token_endpoint: `${this.issuer}/token`, jwks_uri: `${this.issuer}/keys` });
    }
    if (asked.pathname === "/keys") {
      return json({ keys: [{ ...this.keys.publicKey.export({ format: "jwk" }), kid: "one", use: "sig" }] });
    }
    if (asked.pathname === "/authorize" && !query.has("name")) {
      const hidden = [...query].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
      return response.writeHead(200, { "content-type": "text/html" }).end(
        `<!DOCTYPE html><title>Provider</title><form action="/authorize">${hidden.join("")}
        <label>Name <input name="name"></label><button>Sign in</button></form>`);
    }
    if (asked.pathname === "/authorize") {
      const code = randomUUID();
      const now = Math.floor(Date.now() / 1000);
      const name = query.get("name");
      this.codes.set(code, { challenge: query.get("code_challenge"), claims: { iss: this.issuer, aud: "matrix",
        sub: `id-of-${name}`, iat: now, exp: now + 300, auth_time: now, nonce: query.get("nonce"), sid: randomUUID(),
        preferred_username: name, name: `The ${name}` } });
      return response.writeHead(302, { location:
        `${query.get("redirect_uri")}?code=${code}&state=${encodeURIComponent(query.get("state"))}` }).end();
    }
    if (asked.pathname === "/token") {
      const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
      const known = this.codes.get(form.get("code"));
      this.codes.delete(form.get("code"));
      const proof = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
      return known?.challenge === proof
        ? json({ access_token: "none", token_type: "Bearer", id_token: this.#sign(known.claims) })
        : json({ error: "invalid_grant" }, 400);
    }
    return json({}, 404);
  }
}
