using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Accounts;
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

/// <summary>Keys of local users, each made when it is asked for.</summary>
/// <param name="Devices">The users, each with the keys of the wanted devices.</param>
/// <param name="CrossSigning">The keys of one usage, by user.</param>
public sealed record LocalKeys(
    Func<IEnumerable<(string UserId, IEnumerable<KeyValuePair<string, JsonObject>> Devices)>> Devices,
    Func<CrossSigningUsage, IEnumerable<KeyValuePair<string, JsonObject>>> CrossSigning);

/// <summary>
/// Queries keys of local users. v1.19 client-server-api#key-management-api,
/// v1.19 client-server-api#key-and-signature-security
/// </summary>
public sealed class KeyQueries(IAccountsTable accountsTable, KeysTable keysTable, KeyOptions options)
{
    /// <summary>The keys of some local users.</summary>
    /// <param name="asker">The requester; null for another server.</param>
    /// <param name="wanted">The users, each with the wanted devices; none means all.</param>
    public async ValueTask<KeyQueryResult> QueryAsync(
        string? asker, IReadOnlyDictionary<string, IReadOnlySet<string>> wanted, CancellationToken stop)
    {
        if (wanted.Count == 0) return new KeyQueryResult(NoDevices, NoKeys, NoKeys, NoKeys);
        var read = await ReadAsync(asker, wanted, withDevices: true, stop);
        return new KeyQueryResult(
            read.Devices().ToDictionary(
                static user => user.UserId,
                static user =>
                    (IReadOnlyDictionary<string, JsonObject>)user.Devices.ToDictionary(StringComparer.Ordinal),
                StringComparer.Ordinal),
            Of(CrossSigningUsage.Master),
            Of(CrossSigningUsage.SelfSigning),
            Of(CrossSigningUsage.UserSigning));

        Dictionary<string, JsonObject> Of(CrossSigningUsage usage) =>
            read.CrossSigning(usage).ToDictionary(StringComparer.Ordinal);
    }

    /// <summary>The same as rows, from which each key is made when it is asked for.</summary>
    /// <param name="withDevices">Whether the keys of devices are read.</param>
    public async ValueTask<LocalKeys> ReadAsync(
        string? asker,
        IReadOnlyDictionary<string, IReadOnlySet<string>> wanted,
        bool withDevices,
        CancellationToken stop)
    {
        var users = wanted.Keys.ToArray();

        // Side by side: each is one round trip.
        var deviceKeys = withDevices
            ? keysTable.DeviceKeysAsync(users, stop).AsTask()
            : Task.FromResult<IReadOnlyList<DeviceKeysRow>>([]);
        var crossSigningKeys = keysTable.CrossSigningKeysAsync(users, stop).AsTask();
        var uploaded = keysTable.SignaturesAsync(users, asker ?? "", stop).AsTask();
        await Task.WhenAll(deviceKeys, crossSigningKeys, uploaded);
        var devices = (await deviceKeys).ToLookup(static row => row.UserId);
        var cross = await crossSigningKeys;
        var signatures = (await uploaded).ToLookup(row => (row.TargetUser, row.TargetKey));

        // Users without keys have an entry, unknown users have none.
        var known = devices.Select(static user => user.Key)
            .Concat(cross.Where(row => IsShown(row, asker)).Select(static row => row.UserId))
            .ToHashSet(StringComparer.Ordinal);
        if (withDevices)
        {
            known.UnionWith(await accountsTable.ExistingAsync(
                [.. users.Where(user => !known.Contains(user))], stop));
        }

        return new LocalKeys(
            () => known.Select(user => (user, DevicesOf(user))),
            usage => cross.Where(row => row.Usage == usage && IsShown(row, asker))
                .Select(row => KeyValuePair.Create(
                    row.UserId, Visible(row.Json, row.UserId, row.PublicKey, asker, signatures))));

        IEnumerable<KeyValuePair<string, JsonObject>> DevicesOf(string user) => devices[user]
            .Where(row => wanted[user].Count == 0 || wanted[user].Contains(row.DeviceId))
            .Select(row => KeyValuePair.Create(row.DeviceId, Device(row, asker, signatures)));
    }

    /// <summary>User-signing keys are for their owner.</summary>
    private static bool IsShown(CrossSigningKeyRow row, string? asker) =>
        row.Usage != CrossSigningUsage.UserSigning || row.UserId == asker;

    private static IReadOnlyDictionary<string, IReadOnlyDictionary<string, JsonObject>> NoDevices { get; } =
        new Dictionary<string, IReadOnlyDictionary<string, JsonObject>>();

    private static Dictionary<string, JsonObject> NoDevicesOfUser { get; } = [];

    private static IReadOnlyDictionary<string, JsonObject> NoKeys => NoDevicesOfUser;

    private JsonObject Device(
        DeviceKeysRow row, string? asker, ILookup<(string, string), KeySignatureRow> signatures)
    {
        var keys = Visible(row.Json, row.UserId, row.DeviceId, asker, signatures);
        var unsigned = row.DisplayName is { } name && (asker is not null || options.SendDeviceNames)
            ? JsonObject.OfSeq([("device_display_name", Json.Of(name))])
            : JsonObject.Empty;
        return keys.With("unsigned", Json.Of(unsigned));
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
