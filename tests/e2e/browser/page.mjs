// Hydrogen as its own site has it: the sign-in page, and the whole client behind it. Bundled for the browser.
import { FeatureSet, Platform, RootViewModel, createNavigation, createRouter } from "hydrogen-view-sdk";

const platform = new Platform({
  container: document.querySelector("#session"),
  config: { defaultHomeServer: document.body.dataset.homeserver },
  assetPaths: {
    downloadSandbox: "/assets/download-sandbox.html",
    worker: "/assets/main.js",
    olm: { wasm: "/olm/olm.wasm", legacyBundle: "/olm/olm_legacy.js", wasmBundle: "/olm/olm.js" },
    serviceWorker: "/sw.js",
  },
});
await platform.init();
const navigation = createNavigation();
platform.setNavigation(navigation);
const urlRouter = createRouter({ navigation, history: platform.history });
urlRouter.attach();
const features = await FeatureSet.load(platform.settingsStorage);
const root = new RootViewModel({ platform, navigation, urlRouter, features });
await root.load();
platform.createAndMountRootView(root);
