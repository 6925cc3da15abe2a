namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>Keys of local users' devices. Client-Server API, "End-to-End Encryption".</summary>
public interface IKeysTable
{
    /// <summary>The identity keys of a device, or null.</summary>
    ValueTask<DeviceKeysRow?> FindDeviceKeysAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>Device keys of all devices of these users, as uploaded, with the devices' display names.</summary>
    ValueTask<IReadOnlyList<DeviceKeysRow>> DeviceKeysAsync(IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>Cross-signing keys of these users.</summary>
    ValueTask<IReadOnlyList<CrossSigningKeyRow>> CrossSigningKeysAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>Signatures that were uploaded on keys of these users: by the users themselves, and by <paramref name="signer"/>.</summary>
    ValueTask<IReadOnlyList<KeySignatureRow>> SignaturesAsync(
        IReadOnlyCollection<string> userIds, string signer, CancellationToken stop);

    /// <summary>How many one-time keys a device has left, by algorithm, and the algorithms of its fallback keys that were not used.</summary>
    ValueTask<KeyCounts> CountsAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>The algorithms of a device's one-time and fallback keys, used ones included.</summary>
    ValueTask<IReadOnlyList<string>> AlgorithmsAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>Users whose device lists changed last after one position and up to another, in that order; at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<string>> ChangedAsync(long after, long through, int limit, CancellationToken stop);

    /// <summary>The same, those only who are the local user or are joined to a room with them.</summary>
    ValueTask<IReadOnlyList<string>> ChangedForAsync(string localUser, long after, long through, CancellationToken stop);
}
