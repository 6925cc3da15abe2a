// matrix-bot-sdk loads its crypto, a native library that npm does not have: its install step downloads it elsewhere. An
// empty module stands in for it, so that bots and bridges run, without encryption.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const nativeCrypto = "@matrix-org/matrix-sdk-crypto-nodejs";

/** Loads a CommonJS package. `inside` is the package of that package which needs the crypto, if it is not itself. */
export function load(name, inside) {
  const outer = createRequire(require.resolve(name));
  const inner = inside ? createRequire(outer.resolve(inside)) : outer;
  const id = inner.resolve(nativeCrypto);
  require.cache[id] ??= { id, filename: id, loaded: true, exports: {}, children: [], paths: [] };
  return require(name);
}
