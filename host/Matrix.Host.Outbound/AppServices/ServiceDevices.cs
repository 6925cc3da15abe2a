using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>What the devices of a service's users get in a transaction.</summary>
/// <param name="Messages">Messages to devices, as events with `to_user_id` and `to_device_id`.</param>
/// <param name="Delivers">The last position of each device's messages.</param>
/// <param name="Counts">The one-time keys that are left: user, device, algorithm, number.</param>
/// <param name="Fallback">The unused fallback keys: user, device, algorithms.</param>
internal sealed record DeviceParts(
    IReadOnlyList<Json> Messages,
    IReadOnlyList<ToDeviceDelivered> Delivers,
    JsonObject Counts,
    JsonObject Fallback)
{
    internal static DeviceParts None { get; } = new([], [], JsonObject.Empty, JsonObject.Empty);
}

/// <summary>
/// What an encrypted bridge needs in its transactions (MSC3202 and the messages to devices of MSC2409). Messages to
/// devices are those of accounts that a service registered: a person's own client fetches theirs. Users whom another
/// service reserves are that one's.
/// </summary>
internal sealed class ServiceDevices(
    IMembershipsTable membershipsTable,
    IAccountsTable accountsTable,
    KeysTable keysTable,
    ToDeviceTable toDeviceTable,
    IStorageWriter writer,
    AppServiceDirectory services,
    AppServiceOptions options)
{
    private const string CommonAlgorithm = "signed_curve25519";
    private const int UsersPerPage = 1000;

    private readonly Lock _gate = new();
    private readonly HashSet<string> _inboxes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    /// <summary>Whether messages or key counts wait.</summary>
    internal bool Any
    {
        get
        {
            lock (_gate) return _inboxes.Count > 0 || _keys.Count > 0;
        }
    }

    /// <summary>A message was sent to a user of the service.</summary>
    internal void MessageSent(string userId)
    {
        lock (_gate) _inboxes.Add(userId);
    }

    /// <summary>The keys of a user of the service changed.</summary>
    internal void KeysChanged(string userId)
    {
        lock (_gate) _keys.Add(userId);
    }

    /// <summary>Finds the users whose messages were waiting before the start.</summary>
    internal ValueTask LoadAsync(AppService service, CancellationToken stop) =>
        FindAsync(toDeviceTable.UsersAsync, service, MessageSent, stop);

    /// <summary>
    /// Finds all users who may have messages, or key counts that the service does not know, after changes were missed.
    /// </summary>
    internal async ValueTask RestoreAsync(AppService service, CancellationToken stop)
    {
        await LoadAsync(service, stop);
        await FindAsync(keysTable.UsersAsync, service, KeysChanged, stop);
    }

    private static async ValueTask FindAsync(
        Func<string, int, CancellationToken, ValueTask<IReadOnlyList<string>>> read,
        AppService service,
        Action<string> found,
        CancellationToken stop)
    {
        var last = "";
        while (true)
        {
            var page = await read(last, UsersPerPage, stop);
            foreach (var user in page.Where(service.HasUser)) found(user);
            if (page.Count < UsersPerPage) return;
            last = page[^1];
        }
    }

    /// <summary>Takes what waits, at most so many messages.</summary>
    internal async ValueTask<DeviceParts> TakeAsync(AppService service, CancellationToken stop)
    {
        string[] inboxes, keys;
        lock (_gate)
        {
            // The namespaces may have changed since.
            _inboxes.RemoveWhere(user => !services.MayCreateUser(service, user));
            _keys.RemoveWhere(user => !services.MayCreateUser(service, user));
            inboxes = [.. _inboxes.Take(options.MaxToDevice)];
            keys = [.. _keys.Take(options.MaxToDevice)];
            _inboxes.ExceptWith(inboxes);
            _keys.ExceptWith(keys);
        }

        if (inboxes.Length == 0 && keys.Length == 0) return DeviceParts.None;
        try
        {
            var messages = new List<Json>();
            var delivers = new List<ToDeviceDelivered>();
            foreach (var user in inboxes)
            {
                if (!await InboxAsync(user, messages, delivers, stop)) MessageSent(user);
            }

            var counted = delivers.Select(static each => each.UserId).Concat(keys).Distinct();
            var (counts, fallback) = await CountsAsync(counted, stop);
            return new DeviceParts(messages, delivers, counts, fallback);
        }
        catch
        {
            GiveBack(inboxes, keys);
            throw;
        }
    }

    /// <summary>Puts back what a transaction would have had that could not be written.</summary>
    internal void GiveBack(DeviceParts parts) => GiveBack(
        parts.Delivers.Select(static each => each.UserId), parts.Counts.Members.Select(static each => each.Item1));

    /// <summary>
    /// The users whose device lists changed after one position and up to another, and whom the service's users share a
    /// room with, or are. The position up to which they are all.
    /// </summary>
    internal async ValueTask<(IReadOnlyList<string> Users, long Through)> ChangedListsAsync(
        AppService service, ServiceRooms rooms, long after, long through, CancellationToken stop)
    {
        var limit = options.MaxDeviceLists;
        var users = await keysTable.ChangedAsync(after, through, limit, stop);
        while (users.Count >= limit && through - after > 1)
        {
            through = after + ((through - after) / 2);
            users = await keysTable.ChangedAsync(after, through, limit, stop);
        }

        var seen = new List<string>();
        foreach (var user in users)
        {
            if (await TracksAsync(service, rooms, user, stop)) seen.Add(user);
        }

        return (seen, through);
    }

    /// <summary>Whether the service needs the devices of a user.</summary>
    internal async ValueTask<bool> TracksAsync(
        AppService service, ServiceRooms rooms, string userId, CancellationToken stop)
    {
        if (service.HasUser(userId)) return true;
        if (userId.EndsWith(":" + options.ServerName, StringComparison.Ordinal))
        {
            var joined = await membershipsTable.RoomsOfAsync(userId, MembershipSet.Join, stop);
            return await rooms.HasUserInAsync(service, joined.Select(static row => row.Room), stop);
        }

        var shared = await membershipsTable.SharedRoomsAsync([userId], stop);
        return await rooms.HasUserInAsync(service, shared.Select(static row => row.Room), stop);
    }

    private void GiveBack(IEnumerable<string> inboxes, IEnumerable<string> keys)
    {
        lock (_gate)
        {
            _inboxes.UnionWith(inboxes);
            _keys.UnionWith(keys);
        }
    }

    /// <summary>Reads a user's messages; false if there may be more.</summary>
    private async ValueTask<bool> InboxAsync(
        string userId, List<Json> messages, List<ToDeviceDelivered> delivers, CancellationToken stop)
    {
        var user = await accountsTable.FindUserAsync(userId, stop);
        if (user is not { Kind: UserKind.AppService }) return true;
        var through = writer.PublishedPosition;
        foreach (var device in await accountsTable.DevicesAsync(userId, stop))
        {
            var left = options.MaxToDevice - messages.Count;
            if (left <= 0) return false;
            var rows = await toDeviceTable.OfDeviceAsync(userId, device.DeviceId, 0, through, left, stop);
            if (rows.Count == 0) continue;
            delivers.Add(new ToDeviceDelivered(userId, device.DeviceId, rows[^1].Position));
            messages.AddRange(rows.Select(row => Message(row.Json, userId, device.DeviceId)).OfType<Json>());
            if (rows.Count >= left) return false;
        }

        return true;
    }

    private static Json? Message(ReadOnlyMemory<byte> stored, string userId, string deviceId) =>
        JsonText.TryParseStored(stored.Span, out var json)
            ? Json.Of(JsonObject.OfSeq(
            [
                .. json.Members,
                ("to_user_id", Json.Of(userId)),
                ("to_device_id", Json.Of(deviceId)),
            ]))
            : null;

    private async ValueTask<(JsonObject Counts, JsonObject Fallback)> CountsAsync(
        IEnumerable<string> users, CancellationToken stop)
    {
        var counts = new List<(string, Json)>();
        var fallback = new List<(string, Json)>();
        foreach (var user in users)
        {
            var devices = new List<(string, Json)>();
            var unused = new List<(string, Json)>();
            foreach (var device in await accountsTable.DevicesAsync(user, stop))
            {
                var left = await keysTable.CountsAsync(user, device.DeviceId, stop);
                var numbers = left.OneTime.ToDictionary(StringComparer.Ordinal);
                numbers.TryAdd(CommonAlgorithm, 0);
                devices.Add((device.DeviceId, Object(numbers.Select(
                    static each => (each.Key, Json.Of(each.Value))))));
                unused.Add((device.DeviceId, Json.Of(
                    [.. left.UnusedFallback.Select(static algorithm => Json.Of(algorithm))])));
            }

            if (devices.Count == 0) continue;
            counts.Add((user, Object(devices)));
            fallback.Add((user, Object(unused)));
        }

        return (JsonObject.OfSeq(counts), JsonObject.OfSeq(fallback));
    }

    private static Json Object(IEnumerable<(string Name, Json Value)> members) =>
        Json.Of(JsonObject.OfSeq(members));
}
