// A bot made with matrix-bot-sdk: it joins where it is invited, and repeats what follows its command.
import { load } from "./without-crypto.mjs";

const { AutojoinRoomsMixin, LogLevel, LogService, MatrixAuth, MatrixClient, SimpleFsStorageProvider } =
  load("matrix-bot-sdk");
LogService.setLevel(LogLevel.ERROR);

export class EchoBot {
  #endSync;

  /** A bot of an account; `file` has its position. */
  constructor(url, token, file, command = "!echo ") {
    Object.assign(this, { url, token, file, command });
  }

  static async registers(url, name, file, displayName, command) {
    const { accessToken } = await new MatrixAuth(url).passwordRegister(name, "a long password", displayName);
    return new EchoBot(url, accessToken, file, command);
  }

  /** Starts as its program would, with the position that it stored. */
  async starts() {
    this.client = new MatrixClient(this.url, this.token, new SimpleFsStorageProvider(this.file));
    AutojoinRoomsMixin.setupOnClient(this.client);
    this.id = await this.client.getUserId();
    this.client.on("room.message", async (room, event) => {
      const body = event.content?.body;
      if (event.sender === this.id || !body?.startsWith(this.command)) return;
      await this.client.replyNotice(room, event, body.slice(this.command.length));
    });
    const sync = this.client.doSync.bind(this.client);
    const ended = new Promise((_, reject) => (this.#endSync = reject));
    ended.catch(() => {});
    this.client.doSync = (position) => Promise.race([sync(position), ended]);
    await this.client.start();
  }

  /** Ends as its program would end. The SDK's `stop` alone handles the response to the open sync. */
  ends() {
    this.client?.stop();
    this.#endSync?.(new Error("The program ended."));
  }
}

/** What notices of a page of messages say, the oldest first, without what they reply to. */
export const notices = (chunk, sender) => chunk
  .filter((event) => event.content.msgtype === "m.notice" && (!sender || event.sender === sender))
  .map((event) => event.content.body.split("\n").at(-1)).reverse();
