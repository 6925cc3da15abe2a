using Matrix.Host.Api.Http;
using Matrix.Host.Storage;

namespace Matrix.Host.Api.Client.AccountData;

/// <summary>The number of the room that a path names.</summary>
internal sealed class RoomNumbers(IStorage storage)
{
    /// <summary>The room of `{roomId}`; none if the path names none, unknown if this server has no such room.</summary>
    internal async ValueTask<(RoomNid? Room, bool IsKnown)> OfCallAsync(Call call, CancellationToken stop)
    {
        if (call["roomId"] is not { Length: > 0 } roomId) return (null, true);
        var row = await storage.Rooms.FindAsync(roomId, stop).ConfigureAwait(false);
        return (row?.Nid, row is not null);
    }
}
