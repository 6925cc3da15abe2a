using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.RemoteDevices;

/// <summary>
/// Device lists of other servers' users who share an encrypted room with a local user. A list takes its keys, about 100
/// bytes, and 8 for each received update; a device takes its keys and about 100 bytes. The number of devices of a list,
/// and the size of a key, are bounded by the caller.
/// </summary>
public interface IRemoteDevicesTable
{
    /// <summary>The lists of these users; those that are not cached are left out.</summary>
    ValueTask<IReadOnlyList<RemoteListRow>> ListsAsync(IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>The devices of these users' lists.</summary>
    ValueTask<IReadOnlyList<RemoteDeviceRow>> DevicesAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>The users whose lists are cached, by user id, a page at a time: those after this user.</summary>
    ValueTask<IReadOnlyList<string>> UsersAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>The same, only those whose lists are stale.</summary>
    ValueTask<IReadOnlyList<string>> StaleUsersAsync(string afterUser, int limit, CancellationToken stop);
}

/// <summary>A cached device list.</summary>
/// <param name="FetchedId">The `stream_id` of the response that it was fetched by.</param>
/// <param name="SharedSince">The position at which it was fetched.</param>
/// <param name="IsStale">Whether it has to be fetched again.</param>
/// <param name="ReceivedIds">The updates that came since it was fetched.</param>
/// <param name="MasterKey">The master key; null if there is none.</param>
/// <param name="SelfSigningKey">The self-signing key; null if there is none.</param>
public sealed record RemoteListRow(
    string UserId,
    long FetchedId,
    long SharedSince,
    bool IsStale,
    IReadOnlyList<long> ReceivedIds,
    ReadOnlyMemory<byte>? MasterKey,
    ReadOnlyMemory<byte>? SelfSigningKey);

/// <summary>A device of a cached list, with its identity keys.</summary>
public sealed record RemoteDeviceRow(string UserId, string DeviceId, string? DisplayName, ReadOnlyMemory<byte> Keys);

/// <summary>A list was fetched: it replaces the cached one.</summary>
public sealed record RemoteListFetched(RemoteListRow List, IReadOnlyList<RemoteDeviceRow> Devices) : Change
{
    internal override int Weight => 300
        + (List.MasterKey?.Length ?? 0)
        + (List.SelfSigningKey?.Length ?? 0)
        + Devices.Sum(static device => 100 + device.Keys.Length);
}

/// <summary>Updates of a cached list were received.</summary>
public sealed record RemoteListAdvanced(
    string UserId, long FetchedId, bool IsStale, IReadOnlyList<long> ReceivedIds) : Change;

/// <summary>A device of a cached list changed.</summary>
/// <param name="Keys">The identity keys; null if the device has none, or was deleted.</param>
public sealed record RemoteDeviceChanged(
    string UserId, string DeviceId, string? DisplayName, ReadOnlyMemory<byte>? Keys) : Change
{
    internal override int Weight => 200 + (Keys?.Length ?? 0);
}

/// <summary>Cross-signing keys of a cached list changed; null for one that did not.</summary>
public sealed record RemoteSigningKeysChanged(
    string UserId, ReadOnlyMemory<byte>? MasterKey, ReadOnlyMemory<byte>? SelfSigningKey) : Change
{
    internal override int Weight => 200 + (MasterKey?.Length ?? 0) + (SelfSigningKey?.Length ?? 0);
}

/// <summary>A list is not cached any more.</summary>
public sealed record RemoteListDropped(string UserId) : Change;
