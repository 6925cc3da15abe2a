using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Keys;

/// <summary>The keys that verify one user's signatures: the user's own, and the master keys of others.</summary>
internal sealed class KeyRing
{
    private readonly Dictionary<string, DeviceKeysRow> _devices;
    private readonly Dictionary<(string User, CrossSigningUsage Usage), CrossSigningKeyRow> _signing;

    private KeyRing(string userId, IEnumerable<DeviceKeysRow> devices, IEnumerable<CrossSigningKeyRow> signing)
    {
        UserId = userId;
        _devices = devices.ToDictionary(row => row.DeviceId, StringComparer.Ordinal);
        _signing = signing.ToDictionary(row => (row.UserId, row.Usage));
    }

    /// <summary>The user.</summary>
    internal string UserId { get; }

    /// <summary>Their self-signing key.</summary>
    internal CrossSigningKeyRow? SelfSigning => _signing.GetValueOrDefault((UserId, CrossSigningUsage.SelfSigning));

    /// <summary>Their user-signing key.</summary>
    internal CrossSigningKeyRow? UserSigning => _signing.GetValueOrDefault((UserId, CrossSigningUsage.UserSigning));

    /// <param name="keys">The keys of local users.</param>
    /// <param name="userId">The user.</param>
    /// <param name="others">Other local users.</param>
    /// <param name="remote">Master keys of other servers' users.</param>
    internal static async ValueTask<KeyRing> LoadAsync(
        KeysTable keys,
        string userId,
        IEnumerable<string> others,
        IReadOnlyDictionary<string, JsonObject> remote,
        CancellationToken stop)
    {
        var users = others.Append(userId).Distinct().ToArray();
        var signing = await keys.CrossSigningKeysAsync(users, stop);
        return new KeyRing(
            userId,
            await keys.DeviceKeysAsync([userId], stop),
            signing.Concat(remote.Select(key => RowOf(key.Key, key.Value)).OfType<CrossSigningKeyRow>()));
    }

    private static CrossSigningKeyRow? RowOf(string userId, JsonObject master) =>
        SignedJson.PublicKey(master) is { } publicKey
            ? new CrossSigningKeyRow(userId, CrossSigningUsage.Master, publicKey, SignedJson.Stored(master))
            : null;

    /// <summary>The keys of a device of the user; null if it has none.</summary>
    internal DeviceKeysRow? Device(string deviceId) => _devices.GetValueOrDefault(deviceId);

    /// <summary>A user's master key.</summary>
    internal CrossSigningKeyRow? Master(string userId) =>
        _signing.GetValueOrDefault((userId, CrossSigningUsage.Master));
}
