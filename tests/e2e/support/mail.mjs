// A mail server, a gateway for text messages and an identity server, as a homeserver meets them.
import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Authority } from "../peer/tls.mjs";

const listening = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));

/** Waits until a list has an entry that fits, and takes it. */
async function next(list, fits = () => true) {
  for (const until = Date.now() + 30_000; Date.now() < until; await sleep(20)) {
    const at = list.findIndex(fits);
    if (at >= 0) return list.splice(at, 1)[0];
  }
  throw new Error("nothing came in 30 seconds");
}

const decoded = (text) => text.replace(/=\r\n/g, "")
  .replace(/((?:=[0-9A-F]{2})+)/g, (run) => Buffer.from(run.replaceAll("=", ""), "hex").toString("utf8"));

/** The plain text of a mail. */
function plain(mail) {
  const boundary = /boundary="?([^";\r\n]+)/.exec(mail)[1];
  const [head, ...body] = mail.split(`--${boundary}`)[1].split("\r\n\r\n");
  const text = body.join("\r\n\r\n");
  const plain = /base64/i.test(head) ? Buffer.from(text, "base64").toString("utf8")
    : /quoted-printable/i.test(head) ? decoded(text) : text;
  return plain.replaceAll("\r\n", "\n");
}

/** An SMTP server (RFC 5321) without TLS that keeps what it is sent. */
class Smtp {
  mails = [];
  server = createTcp((socket) => {
    let [buffer, inData, to] = ["", false, ""];
    socket.on("error", () => {}).write("220 e2e\r\n");
    socket.on("data", (data) => {
      buffer += data.toString("latin1");
      for (;;) {
        const end = buffer.indexOf(inData ? "\r\n.\r\n" : "\r\n");
        if (end < 0) return;
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + (inData ? 5 : 2));
        if (inData) {
          this.mails.push({ to, text: plain(line.replace(/\r\n\.\./g, "\r\n.")) });
          inData = false;
          socket.write("250 kept\r\n");
        } else if (/^RCPT/i.test(line)) {
          to = /<(.*)>/.exec(line)[1];
          socket.write("250 ok\r\n");
        } else if (/^DATA/i.test(line)) {
          inData = true;
          socket.write("354 go on\r\n");
        } else if (/^QUIT/i.test(line)) {
          socket.end("221 bye\r\n");
        } else {
          socket.write("250 ok\r\n");
        }
      }
    });
  });
}

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? undefined : JSON.parse(text);
}

/** All three; `settings` are those of a server that uses them. */
export class Addresses {
  static async start() {
    const all = new Addresses();
    all.authority = new Authority();
    all.smtp = new Smtp();
    all.texts = [];
    all.identity = {};
    const { certificate, key } = all.authority.issue("identity", "127.0.0.1");
    all.gateway = createHttp(async (request, response) => {
      all.texts.push(await bodyOf(request));
      response.end("{}");
    });
    all.identityServer = createHttps({ cert: readFileSync(certificate), key: readFileSync(key) },
      async (request, response) => {
        const path = request.url.replace("/_matrix/identity/v2", "");
        const [status, body] = all.identity[path]?.(await bodyOf(request)) ?? [404, {}];
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    const [mail, sms, identity] =
      [await listening(all.smtp.server), await listening(all.gateway), await listening(all.identityServer)];
    all.identityName = `127.0.0.1:${identity}`;
    all.settings = {
      MATRIX_EMAIL__SMTP_HOST: "127.0.0.1",
      MATRIX_EMAIL__SMTP_PORT: `${mail}`,
      MATRIX_EMAIL__SMTP_TLS: "false",
      MATRIX_EMAIL__FROM: "Chat <noreply@hybrid.test>",
      MATRIX_TEXT_MESSAGES__GATEWAY_URL: `http://127.0.0.1:${sms}/send`,
      MATRIX_IDENTITY_SERVERS__ALLOWED: all.identityName,
      MATRIX_IDENTITY_SERVERS__ALLOW_NETWORKS: "127.0.0.0/8",
      MATRIX_FEDERATION__CUSTOM_CA: all.authority.file,
    };
    return all;
  }

  /** The text of the next mail to an address. */
  async mailTo(address) {
    return (await next(this.smtp.mails, (mail) => mail.to === address)).text;
  }

  /** The path of the link in the next mail to an address that has one: others only tell something. */
  async linkTo(address) {
    const links = /https?:\/\/[^\s]+/;
    const mail = await next(this.smtp.mails, (each) => each.to === address && links.test(each.text));
    const [link] = links.exec(mail.text);
    return link.slice(link.indexOf("/_matrix"));
  }

  /** The code of the next text message to a number. */
  async codeTo(number) {
    return /^\d{6}/.exec((await next(this.texts, (text) => text.to === number)).text)[0];
  }

  dispose() {
    for (const server of [this.smtp.server, this.gateway, this.identityServer]) server.close();
    this.authority.dispose();
  }
}
