using Matrix.Host.Configuration;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Ownership.Joining;

namespace Matrix.Host.Adapters;

/// <summary>The settings of this node, with its present signing key.</summary>
internal sealed class NodeSettings(HomeserverConfig config, SigningKeyRing ring) : IComparedSettings
{
    private volatile Made? _made;

    public SettingDigests Now
    {
        get
        {
            var keys = ring.Keys;
            var made = _made;
            if (made?.Keys != keys) _made = made = new Made(keys, ComparedSettings.Of(config, keys));
            return made.Digests;
        }
    }

    private sealed record Made(SigningKeys Keys, SettingDigests Digests);
}
