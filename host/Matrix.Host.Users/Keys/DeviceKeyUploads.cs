using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.StoredBytes;

namespace Matrix.Host.Users.Keys;

/// <summary>A one-time or fallback key as its device uploads it.</summary>
/// <param name="Algorithm">The algorithm.</param>
/// <param name="KeyId">The key's id, without the algorithm.</param>
/// <param name="Json">The key: an object, or a string.</param>
public sealed record UploadedKey(string Algorithm, string KeyId, Json Json);

/// <summary>The keys of an upload.</summary>
/// <param name="DeviceKeys">Its identity keys; null if they have not changed.</param>
/// <param name="OneTimeKeys">Further one-time keys.</param>
/// <param name="FallbackKeys">New fallback keys, at most one for each algorithm.</param>
public sealed record KeyUpload(
    JsonObject? DeviceKeys, IReadOnlyList<UploadedKey> OneTimeKeys, IReadOnlyList<UploadedKey> FallbackKeys)
{
    /// <summary>Whether the upload has no keys: the client only wants the counts.</summary>
    public bool IsEmpty => DeviceKeys is null && OneTimeKeys.Count == 0 && FallbackKeys.Count == 0;
}

/// <summary>Stores the keys that devices upload. v1.19 client-server-api#uploading-keys</summary>
public sealed class DeviceKeyUploads(KeysTable keysTable, IStorageWriter writer, KeyOptions options)
{
    /// <summary>
    /// Stores all keys of the upload or none. Returns the number of one-time keys that the device then has.
    /// </summary>
    public async ValueTask<UserResult<KeyCounts>> UploadAsync(
        UserDevice device, KeyUpload upload, CancellationToken stop)
    {
        if (!upload.IsEmpty && await WriteAsync(device, upload, stop) is { } failure)
        {
            return failure;
        }

        return await keysTable.CountsAsync(device.UserId, device.DeviceId, stop);
    }

    private async ValueTask<UserFailure?> WriteAsync(UserDevice device, KeyUpload upload, CancellationToken stop)
    {
        var (userId, deviceId) = device;
        if (upload.OneTimeKeys.Count > 0)
        {
            var before = await keysTable.CountsAsync(userId, deviceId, stop);
            if (Excess(before.OneTime, upload.OneTimeKeys) is { } excess) return excess;
        }

        var batch = new WriteBatch(Authority.Nobody, upload.OneTimeKeys.Count + 4);
        if (await RequireFewAlgorithmsAsync(batch, device, upload, stop) is { } tooMany)
        {
            return tooMany;
        }

        if (ReadOneTime(device, upload, out var changes) is { } unfit) return unfit;
        if (upload.DeviceKeys is { } keys)
        {
            if (Bytes(keys, out var json) is { } failure) return failure;
            var known = await keysTable.FindDeviceKeysAsync(userId, deviceId, stop);
            // Clients upload the same keys again to be sure. Other users are not notified then.
            if (known is null || !known.Json.Span.SequenceEqual(json))
            {
                changes.Add(new DeviceKeysUploaded(userId, deviceId, json));
                changes.Add(new DeviceListChanged(userId));
            }
        }

        if (changes.Count == 0) return null;
        AddAll(batch, userId, changes);
        var receipt = await writer.WriteAsync(batch, stop);
        return receipt.Refused ? WhyRefused(batch) : null;
    }

    /// <summary>
    /// Adds the keys of a device that the same batch makes. A <see cref="DeviceListChanged"/> is added by the caller.
    /// </summary>
    internal UserFailure? AddOfNew(WriteBatch batch, UserDevice device, KeyUpload upload)
    {
        if (Excess(new Dictionary<string, int>(), upload.OneTimeKeys) is { } excess) return excess;
        var algorithms = upload.OneTimeKeys.Concat(upload.FallbackKeys).CountBy(key => key.Algorithm).Count();
        if (algorithms > options.MaxKeyAlgorithms) return TooManyAlgorithms();
        if (ReadOneTime(device, upload, out var changes) is { } unfit) return unfit;
        if (upload.DeviceKeys is { } keys)
        {
            if (Bytes(keys, out var json) is { } failure) return failure;
            changes.Add(new DeviceKeysUploaded(device.UserId, device.DeviceId, json));
        }

        AddAll(batch, device.UserId, changes);
        return null;
    }

    /// <summary>The changes that store the one-time and fallback keys of an upload.</summary>
    private UserFailure? ReadOneTime(UserDevice device, KeyUpload upload, out List<Change> changes)
    {
        var (userId, deviceId) = device;
        changes = [];
        foreach (var key in upload.OneTimeKeys)
        {
            if (Bytes(key, out var json) is { } failure) return failure;
            changes.Add(new OneTimeKeyUploaded(userId, deviceId, key.Algorithm, key.KeyId, json));
        }

        if (changes.Count > 0) changes.Add(new ClaimedKeysForgotten(userId, deviceId, options.MaxOneTimeKeys));
        foreach (var key in upload.FallbackKeys)
        {
            if (Bytes(key, out var json) is { } failure) return failure;
            changes.Add(new FallbackKeyUploaded(userId, deviceId, key.Algorithm, key.KeyId, json));
        }

        return null;
    }

    /// <summary>
    /// Limits the number of algorithms, for uploads that add new ones. The transaction checks it again, because a
    /// concurrent upload may add others.
    /// </summary>
    private async ValueTask<UserFailure?> RequireFewAlgorithmsAsync(
        WriteBatch batch, UserDevice device, KeyUpload upload, CancellationToken stop)
    {
        var (userId, deviceId) = device;
        var added = upload.OneTimeKeys.Concat(upload.FallbackKeys)
            .Select(key => key.Algorithm).ToHashSet(StringComparer.Ordinal);
        if (added.Count == 0) return null;
        added.ExceptWith(await keysTable.AlgorithmsAsync(userId, deviceId, stop));
        if (added.Count == 0) return null;

        var most = options.MaxKeyAlgorithms - added.Count;
        if (most < 0) return TooManyAlgorithms();
        batch.Require(new KeyAlgorithmsAtMost(userId, deviceId, most));
        return null;
    }

    private UserFailure TooManyAlgorithms() => TooLarge($"Keys of more than {options.MaxKeyAlgorithms} algorithms");

    private UserFailure? Excess(IReadOnlyDictionary<string, int> before, IReadOnlyList<UploadedKey> added)
    {
        foreach (var algorithm in added.CountBy(key => key.Algorithm))
        {
            if (before.GetValueOrDefault(algorithm.Key) + algorithm.Value > options.MaxOneTimeKeys)
            {
                return TooLarge($"More than {options.MaxOneTimeKeys} one-time keys of one algorithm");
            }
        }

        return null;
    }

    private UserFailure? Bytes(UploadedKey key, out byte[] json)
    {
        json = CanonicalJson.Bytes(key.Json);
        if (key.Algorithm.Length + key.KeyId.Length > KeyOptions.LongestKeyName)
        {
            return new UserFailure(
                UserFailureKind.InvalidParam, $"The id of a key exceeds {KeyOptions.LongestKeyName} characters.");
        }

        return json.Length > options.MaxKeyBytes ? TooLarge($"The key {key.Algorithm}:{key.KeyId}") : null;
    }

    private UserFailure? Bytes(JsonObject deviceKeys, out byte[] json)
    {
        json = SignedJson.Stored(deviceKeys);
        return json.Length > options.MaxKeyBytes ? TooLarge("The device's keys") : null;
    }

    private static UserFailure TooLarge(string what) =>
        new(UserFailureKind.TooLarge, $"{what} would exceed the limits of this server.");

    /// <summary>
    /// Adds changes, if the user may store their bytes. Keys count as if none took the place of another, so close to
    /// the bound an upload that is repeated is refused too.
    /// </summary>
    private void AddAll(WriteBatch batch, string userId, List<Change> changes)
    {
        var added = changes.Sum(static change => change switch
        {
            OneTimeKeyUploaded key => StoredBytesFit.BytesOf(key.Json),
            FallbackKeyUploaded key => StoredBytesFit.BytesOf(key.Json),
            DeviceKeysUploaded keys => StoredBytesFit.BytesOf(keys.Json),
            _ => 0L,
        });
        batch.Require(new StoredBytesFit(userId, StoredKind.DeviceKeys, added, options.MaxDeviceKeyBytes));
        foreach (var change in changes)
        {
            if (change is OneTimeKeyUploaded key) batch.Require(key);
            else batch.Add(change);
        }
    }

    /// <summary>The failure of a batch in which the keys were too much; null for another reason.</summary>
    internal UserFailure? TooMuch(WriteBatch refused) =>
        refused.Preconditions.First(static each => !each.Applied) is StoredBytesFit ? TooMuch() : null;

    private UserFailure TooMuch() => TooLarge($"More than {options.MaxDeviceKeyBytes} bytes of keys of all devices");

    private UserFailure WhyRefused(WriteBatch batch) => batch.Preconditions.First(static each => !each.Applied) switch
    {
        KeyAlgorithmsAtMost => TooManyAlgorithms(),
        OneTimeKeyUploaded taken => new UserFailure(
            UserFailureKind.InvalidParam,
            $"There is a different one-time key {taken.Algorithm}:{taken.KeyId} already."),
        _ => TooMuch(),
    };
}
