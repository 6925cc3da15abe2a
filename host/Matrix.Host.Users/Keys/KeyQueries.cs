using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Keys;

/// <summary>
/// Keys of local users that the requester may see, by user id; device keys also by device id.
/// </summary>
/// <param name="DeviceKeys">Identity keys of devices, with `unsigned`. Users without devices have an entry, unknown
/// users have none.</param>
/// <param name="MasterKeys">Master keys.</param>
/// <param name="SelfSigningKeys">Self-signing keys.</param>
/// <param name="UserSigningKeys">The requester's own user-signing key, if the query names the requester.</param>
public sealed record KeyQueryResult(
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, JsonObject>> DeviceKeys,
    IReadOnlyDictionary<string, JsonObject> MasterKeys,
    IReadOnlyDictionary<string, JsonObject> SelfSigningKeys,
    IReadOnlyDictionary<string, JsonObject> UserSigningKeys);

/// <summary>
/// Queries keys of local users. Client-Server API, "Key management API" and "Key and signature security".
/// </summary>
public sealed class KeyQueries(IStorage storage, KeyOptions options)
{
    /// <summary>The keys of some local users.</summary>
    /// <param name="asker">The requester; null for another server.</param>
    /// <param name="wanted">The users, each with the wanted devices; none means all.</param>
    /// <param name="stop">Cancels reading.</param>
    public async ValueTask<KeyQueryResult> QueryAsync(
        string? asker, IReadOnlyDictionary<string, IReadOnlySet<string>> wanted, CancellationToken stop)
    {
        var users = wanted.Keys.ToArray();
        if (users.Length == 0) return new KeyQueryResult(NoDevices, NoKeys, NoKeys, NoKeys);

        // Side by side: each is one round trip.
        var deviceKeys = storage.Keys.DeviceKeysAsync(users, stop).AsTask();
        var crossSigningKeys = storage.Keys.CrossSigningKeysAsync(users, stop).AsTask();
        var uploaded = storage.Keys.SignaturesAsync(users, asker ?? "", stop).AsTask();
        await Task.WhenAll(deviceKeys, crossSigningKeys, uploaded).ConfigureAwait(false);
        var deviceRows = await deviceKeys.ConfigureAwait(false);
        var crossRows = await crossSigningKeys.ConfigureAwait(false);
        var signatureRows = await uploaded.ConfigureAwait(false);
        var signatures = signatureRows.ToLookup(row => (row.TargetUser, row.TargetKey));

        var devices = new Dictionary<string, IReadOnlyDictionary<string, JsonObject>>(StringComparer.Ordinal);
        foreach (var rows in deviceRows.GroupBy(row => row.UserId))
        {
            var only = wanted[rows.Key];
            devices[rows.Key] = rows
                .Where(row => only.Count == 0 || only.Contains(row.DeviceId))
                .ToDictionary(row => row.DeviceId, row => Device(row, asker, signatures), StringComparer.Ordinal);
        }

        var cross = new Dictionary<CrossSigningUsage, Dictionary<string, JsonObject>>();
        foreach (var row in crossRows)
        {
            if (row.Usage == CrossSigningUsage.UserSigning && row.UserId != asker) continue;
            if (!cross.TryGetValue(row.Usage, out var keys)) cross.Add(row.Usage, keys = new(StringComparer.Ordinal));
            keys[row.UserId] = Visible(row.Json, row.UserId, row.PublicKey, asker, signatures);
            devices.TryAdd(row.UserId, NoDevicesOfUser);
        }

        await AddKeylessUsersAsync(users, devices, stop).ConfigureAwait(false);
        return new KeyQueryResult(
            devices,
            Of(CrossSigningUsage.Master),
            Of(CrossSigningUsage.SelfSigning),
            Of(CrossSigningUsage.UserSigning));

        IReadOnlyDictionary<string, JsonObject> Of(CrossSigningUsage usage) => cross.GetValueOrDefault(usage) ?? NoKeys;
    }

    private static IReadOnlyDictionary<string, IReadOnlyDictionary<string, JsonObject>> NoDevices { get; } =
        new Dictionary<string, IReadOnlyDictionary<string, JsonObject>>();

    private static Dictionary<string, JsonObject> NoDevicesOfUser { get; } = [];

    private static IReadOnlyDictionary<string, JsonObject> NoKeys => NoDevicesOfUser;

    /// <summary>The users who exist: users without keys have an entry, unknown users have none.</summary>
    private async ValueTask AddKeylessUsersAsync(
        string[] users, Dictionary<string, IReadOnlyDictionary<string, JsonObject>> devices, CancellationToken stop)
    {
        var keyless = users.Where(user => !devices.ContainsKey(user)).ToArray();
        foreach (var user in await storage.Accounts.ExistingAsync(keyless, stop).ConfigureAwait(false))
        {
            devices.Add(user, NoDevicesOfUser);
        }
    }

    private JsonObject Device(
        DeviceKeysRow row, string? asker, ILookup<(string, string), KeySignatureRow> signatures)
    {
        var keys = Visible(row.Json, row.UserId, row.DeviceId, asker, signatures);
        var unsigned = row.DisplayName is { } name && (asker is not null || options.SendDeviceNames)
            ? JsonObject.OfSeq([("device_display_name", Json.NewString(name))])
            : JsonObject.Empty;
        return keys.With("unsigned", Json.NewObject(unsigned));
    }

    private static JsonObject Visible(
        ReadOnlyMemory<byte> stored,
        string owner,
        string name,
        string? asker,
        ILookup<(string, string),
        KeySignatureRow> signatures) =>
        SignedJson.WithSignatures(
            SignedJson.Read(stored),
            owner,
            asker,
            [.. signatures[(owner, name)].Select(row => (row.Signer, row.SignerKey, row.Signature))]);
}
