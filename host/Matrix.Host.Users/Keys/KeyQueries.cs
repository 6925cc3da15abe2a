using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Keys;

/// <summary>Keys of local users, as the one who asks may see them: by user id, and device keys by device id too.</summary>
/// <param name="DeviceKeys">Identity keys of devices, with `unsigned`. Users without any are there, unknown users are not.</param>
/// <param name="MasterKeys">Master keys.</param>
/// <param name="SelfSigningKeys">Self-signing keys.</param>
/// <param name="UserSigningKeys">The asker's own user-signing key, if they asked for their own keys.</param>
public sealed record KeyQueryResult(
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, JsonObject>> DeviceKeys,
    IReadOnlyDictionary<string, JsonObject> MasterKeys,
    IReadOnlyDictionary<string, JsonObject> SelfSigningKeys,
    IReadOnlyDictionary<string, JsonObject> UserSigningKeys);

/// <summary>Answers what keys local users have. Client-Server API, "Key management API" and "Key and signature security".</summary>
public sealed class KeyQueries(IStorage storage)
{
    /// <summary>The keys of some local users.</summary>
    /// <param name="asker">Who asks; null for another server.</param>
    /// <param name="wanted">Users, and the devices wanted of each; none means all.</param>
    /// <param name="stop">Gives up.</param>
    public async ValueTask<KeyQueryResult> QueryAsync(
        string? asker, IReadOnlyDictionary<string, IReadOnlySet<string>> wanted, CancellationToken stop)
    {
        var users = wanted.Keys.ToArray();
        if (users.Length == 0) return new KeyQueryResult(NoDevices, NoKeys, NoKeys, NoKeys);

        var deviceRows = await storage.Keys.DeviceKeysAsync(users, stop).ConfigureAwait(false);
        var crossRows = await storage.Keys.CrossSigningKeysAsync(users, stop).ConfigureAwait(false);
        var signatureRows = await storage.Keys.SignaturesAsync(users, asker ?? "", stop).ConfigureAwait(false);
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
            devices, Of(CrossSigningUsage.Master), Of(CrossSigningUsage.SelfSigning), Of(CrossSigningUsage.UserSigning));

        IReadOnlyDictionary<string, JsonObject> Of(CrossSigningUsage usage) => cross.GetValueOrDefault(usage) ?? NoKeys;
    }

    private static IReadOnlyDictionary<string, IReadOnlyDictionary<string, JsonObject>> NoDevices { get; } =
        new Dictionary<string, IReadOnlyDictionary<string, JsonObject>>();

    private static Dictionary<string, JsonObject> NoDevicesOfUser { get; } = [];

    private static IReadOnlyDictionary<string, JsonObject> NoKeys => NoDevicesOfUser;

    /// <summary>Users without keys are told from users who do not exist: of the latter nothing is said.</summary>
    private async ValueTask AddKeylessUsersAsync(
        string[] users, Dictionary<string, IReadOnlyDictionary<string, JsonObject>> devices, CancellationToken stop)
    {
        foreach (var user in users)
        {
            if (devices.ContainsKey(user)) continue;
            if (await storage.Accounts.FindUserAsync(user, stop).ConfigureAwait(false) is not null) devices.Add(user, NoDevicesOfUser);
        }
    }

    private static JsonObject Device(
        DeviceKeysRow row, string? asker, ILookup<(string, string), KeySignatureRow> signatures)
    {
        var keys = Visible(row.Json, row.UserId, row.DeviceId, asker, signatures);
        var unsigned = row.DisplayName is { } name
            ? JsonObject.OfSeq([("device_display_name", Json.NewString(name))])
            : JsonObject.Empty;
        return SignedJson.With(keys, "unsigned", Json.NewObject(unsigned));
    }

    private static JsonObject Visible(
        ReadOnlyMemory<byte> stored, string owner, string name, string? asker, ILookup<(string, string), KeySignatureRow> signatures) =>
        SignedJson.WithSignatures(
            SignedJson.Read(stored),
            owner,
            asker,
            signatures[(owner, name)].Select(row => (row.Signer, row.SignerKey, row.Signature)));
}
