using Matrix.Core.DeviceLists;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>Takes updates of a transaction.</summary>
internal static class UpdatesOfOrigin
{
    private const int UsersAtOnce = 8;

    /// <summary>Takes the updates of users of the origin, and returns the number of the others.</summary>
    internal static async ValueTask<int> ReceiveFromAsync(
        this RemoteDeviceLists lists,
        string origin,
        IReadOnlyList<JsonObject> contents,
        Func<JsonObject, DeviceListUpdate?> read,
        CancellationToken stop)
    {
        var updates = contents.Select(read).OfType<DeviceListUpdate>()
            .Where(update => UserId.IsValid(update.UserId) && UserId.Server(update.UserId) == origin)
            .GroupBy(update => update.UserId)
            .ToArray();
        var taken = 0;
        await Parallel.ForEachAsync(
            updates,
            new ParallelOptions { MaxDegreeOfParallelism = UsersAtOnce, CancellationToken = stop },
            async (user, stop) =>
            {
                DeviceListUpdate[] ofUser = [.. user];
                if (await lists.ReceiveAsync(user.Key, ofUser, stop))
                {
                    Interlocked.Add(ref taken, ofUser.Length);
                }
            });
        return contents.Count - taken;
    }
}
