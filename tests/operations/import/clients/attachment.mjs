// Encrypted attachments. Client-Server API, "Sending encrypted attachments".
import { webcrypto } from 'node:crypto';
import { downloaded, uploaded } from './media.mjs';

const base64 = (bytes) => Buffer.from(bytes).toString('base64').replaceAll('=', '');
const counter = (iv) => ({ name: 'AES-CTR', counter: Buffer.from(iv, 'base64'), length: 64 });

/** Encrypts and uploads bytes; returns the `file` of a message. */
export async function sealed(user, bytes) {
    const key = await webcrypto.subtle.generateKey({ name: 'AES-CTR', length: 256 }, true, ['encrypt', 'decrypt']);
    const iv = base64(Buffer.concat([webcrypto.getRandomValues(Buffer.alloc(8)), Buffer.alloc(8)]));
    const encrypted = Buffer.from(await webcrypto.subtle.encrypt(counter(iv), key, bytes));
    return {
        v: 'v2', url: await uploaded(user, encrypted, 'application/octet-stream'), iv,
        key: await webcrypto.subtle.exportKey('jwk', key),
        hashes: { sha256: base64(await webcrypto.subtle.digest('SHA-256', encrypted)) },
    };
}

/** Downloads and decrypts a `file`. */
export async function opened(user, { url, iv, key, hashes }) {
    const encrypted = await downloaded(user, url);
    if (base64(await webcrypto.subtle.digest('SHA-256', encrypted)) !== hashes.sha256) throw new Error('another hash');
    const imported = await webcrypto.subtle.importKey('jwk', key, 'AES-CTR', false, ['decrypt']);
    return Buffer.from(await webcrypto.subtle.decrypt(counter(iv), imported, encrypted));
}
