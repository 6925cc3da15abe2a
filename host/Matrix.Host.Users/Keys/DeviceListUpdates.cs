using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.DeviceUpdates;

namespace Matrix.Host.Users.Keys;

/// <summary>An EDU with a change of a local user's devices or cross-signing keys.</summary>
/// <param name="StreamId">The change's id.</param>
/// <param name="Json">The EDU, as canonical JSON.</param>
public sealed record DeviceListEdu(long StreamId, ReadOnlyMemory<byte> Json);

/// <summary>
/// Makes the EDUs by which other servers follow the device lists of local users.
/// v1.19 server-server-api#device-management, v1.19 server-server-api#end-to-end-encryption
/// </summary>
public sealed class DeviceListUpdates(
    IAccountsTable accountsTable, IDeviceUpdatesTable deviceUpdatesTable, KeyQueries queries, KeyOptions options)
{
    /// <summary>
    /// The EDUs for a server that has not got a user's changes after an id, at most so many, in order. A device that
    /// changed several times comes once. If there are too many changes, only the newest comes: it follows one that the
    /// server has not got, so the server fetches the list.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="afterId">The id.</param>
    /// <param name="before">What the server got before an import; null if it got later changes, or none.</param>
    /// <param name="most">The most EDUs.</param>
    /// <param name="stop">Ends the reading.</param>
    public async ValueTask<IReadOnlyList<DeviceListEdu>> AfterAsync(
        string userId, long afterId, SentBefore? before, int most, CancellationToken stop)
    {
        // More changes than are kept wait until they are trimmed.
        var changes = await deviceUpdatesTable.AfterAsync(userId, afterId, 4 * options.DeviceUpdatesKept, stop);
        if (before is not null) changes = [.. changes.Select(change => Following(change, before))];
        var chosen = changes.Count > options.MaxDeviceUpdates ? Newest(changes) : Chain([.. changes.Take(most)]);
        return chosen.Count == 0 ? [] : await EdusAsync(userId, [.. chosen.Take(most)], stop);
    }

    /// <summary>
    /// A change that follows one from before an import: the server knows that by the id that it was sent.
    /// </summary>
    private static DeviceUpdateRow Following(DeviceUpdateRow change, SentBefore before) =>
        change.PreviousId <= before.ThroughId ? change with { PreviousId = before.LastId } : change;

    /// <summary>The latest change of each device, in order, each following the one before it.</summary>
    private static List<DeviceUpdateRow> Chain(DeviceUpdateRow[] changes)
    {
        var latest = changes.GroupBy(change => change.DeviceId).ToDictionary(
            device => device.Key, device => device.Last().StreamId, StringComparer.Ordinal);
        var chain = new List<DeviceUpdateRow>();
        var previous = changes.FirstOrDefault(change => change.DeviceId.Length > 0)?.PreviousId ?? 0;
        foreach (var change in changes)
        {
            if (latest[change.DeviceId] != change.StreamId) continue;
            chain.Add(change with { PreviousId = previous });
            if (change.DeviceId.Length > 0) previous = change.StreamId;
        }

        return chain;
    }

    /// <summary>The latest change of a device, and that of the cross-signing keys.</summary>
    private static List<DeviceUpdateRow> Newest(IReadOnlyList<DeviceUpdateRow> changes) =>
    [
        .. changes.GroupBy(change => change.DeviceId.Length > 0).Select(kind => kind.Last())
            .OrderBy(change => change.StreamId),
    ];

    private async ValueTask<IReadOnlyList<DeviceListEdu>> EdusAsync(
        string userId, IReadOnlyList<DeviceUpdateRow> changes, CancellationToken stop)
    {
        var devices = await accountsTable.DevicesAsync(userId, stop);
        var nameOf = devices.ToDictionary(device => device.DeviceId, device => device.DisplayName);
        var wanted = new Dictionary<string, IReadOnlySet<string>>
        {
            [userId] = changes.Select(change => change.DeviceId).ToHashSet(StringComparer.Ordinal),
        };
        var found = await queries.QueryAsync(asker: null, wanted, stop);
        var keysOf = found.DeviceKeys.GetValueOrDefault(userId);
        return
        [
            .. changes.Select(change => new DeviceListEdu(
                change.StreamId,
                // v1.19 server-server-api#definition-msigning_key_update,
                // v1.19 server-server-api#definition-mdevice_list_update
                change.DeviceId.Length == 0
                    ? Edu(EventTypes.SigningKeyUpdate, SigningKeys(userId, found))
                    : Edu(EventTypes.DeviceListUpdate, Device(userId, change, nameOf, keysOf)))),
        ];
    }

    private static IEnumerable<(string, Json)> SigningKeys(string userId, KeyQueryResult found)
    {
        yield return ("user_id", Json.Of(userId));
        if (found.MasterKeys.GetValueOrDefault(userId) is { } master)
        {
            yield return ("master_key", Json.Of(master));
        }

        if (found.SelfSigningKeys.GetValueOrDefault(userId) is { } own)
        {
            yield return ("self_signing_key", Json.Of(own));
        }
    }

    private IEnumerable<(string, Json)> Device(
        string userId,
        DeviceUpdateRow change,
        Dictionary<string, string?> nameOf,
        IReadOnlyDictionary<string, JsonObject>? keysOf)
    {
        yield return ("user_id", Json.Of(userId));
        yield return ("device_id", Json.Of(change.DeviceId));
        yield return ("stream_id", Json.Of(change.StreamId));
        yield return ("prev_id", Json.Of(change.PreviousId > 0 ? [Json.Of(change.PreviousId)] : []));
        if (!nameOf.TryGetValue(change.DeviceId, out var name))
        {
            yield return ("deleted", Json.Of(true));
            yield break;
        }

        if (name is not null && options.SendDeviceNames) yield return ("device_display_name", Json.Of(name));
        if (keysOf?.GetValueOrDefault(change.DeviceId) is { } keys)
        {
            yield return ("keys", Json.Of(SignedJson.WithoutUnsigned(keys)));
        }
    }

    private static byte[] Edu(string type, IEnumerable<(string, Json)> content) =>
        CanonicalJson.Bytes(Json.Of(JsonObject.OfSeq(
        [
            ("edu_type", Json.Of(type)),
            ("content", Json.Of(JsonObject.OfSeq(content))),
        ])));
}
