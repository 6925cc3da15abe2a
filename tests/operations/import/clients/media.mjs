// Uploads and downloads.
import { v1 } from '../../../e2e/support/client.mjs';

/** Uploads bytes; returns their URI. */
export async function uploaded(user, bytes, type, name = 'file') {
    const response = await fetch(`${user.server.url}/_matrix/media/v3/upload?filename=${name}`, {
        method: 'POST', body: bytes, headers: { authorization: `Bearer ${user.token}`, 'content-type': type },
    });
    return (await response.json()).content_uri;
}

/** Downloads bytes. */
export async function downloaded(user, uri) {
    const [server, id] = uri.slice('mxc://'.length).split('/');
    const response = await fetch(user.server.url + v1`media/download/${server}/${id}`, {
        headers: { authorization: `Bearer ${user.token}` },
    });
    if (response.status !== 200) throw new Error(`${uri}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
}
