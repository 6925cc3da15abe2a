// A recovery key: the key of a secret storage, which has the keys of cross-signing and of a backup.
import assert from "node:assert/strict";
import { decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/index.js";
import { until } from "./person.mjs";

export class Recovery {
  #key;

  /** What a client does when it needs the key of the secret storage: it has it, or asks for the recovery key. */
  callbacks() {
    const cached = new Map();
    return {
      cacheSecretStorageKey: (id, _, key) => cached.set(id, key),
      getSecretStorageKey: async ({ keys }) => {
        const [id] = Object.keys(keys);
        return [id, cached.get(id) ?? decodeRecoveryKey(this.#key)];
      },
    };
  }

  /** Makes the secret storage and a backup of someone with cross-signing. */
  async setsUp(person) {
    await person.crypto.bootstrapSecretStorage({
      setupNewKeyBackup: true,
      createSecretStorageKey: async () => {
        const key = await person.crypto.createRecoveryKeyFromPassphrase();
        this.#key = key.encodedPrivateKey;
        return key;
      },
    });
    assert.equal(await person.crypto.isSecretStorageReady(), true);
    await until("the backup is used", () => person.crypto.getActiveSessionBackupVersion());
  }

  /** Signs a new device, and gives it the keys of the backup. */
  async restores(device) {
    await until("the new device knows of cross-signing", () => device.crypto.userHasCrossSigningKeys(device.id, true));
    await device.crypto.bootstrapCrossSigning({});
    await device.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
    return await device.crypto.restoreKeyBackup();
  }
}
