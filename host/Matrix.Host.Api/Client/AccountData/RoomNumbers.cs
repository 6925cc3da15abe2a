using Matrix.Host.Api.Http;
using Matrix.Host.Storage;

namespace Matrix.Host.Api.Client.AccountData;

/// <summary>The number of the room that a path names, for those who have to do with the room.</summary>
internal sealed class RoomNumbers(IStorage storage)
{
    /// <summary>What someone who never was in a room is answered, whether or not it exists.</summary>
    internal static Answer Unknown { get; } = Answer.NotFound("You are not in this room, or this server does not know it.");

    /// <summary>
    /// The room of `{roomId}`; none if the path names none. It is unknown if this server has no such room, and to those
    /// whom the room's state does not mention.
    /// </summary>
    internal async ValueTask<(RoomNid? Room, bool IsKnown)> OfCallAsync(Call call, CancellationToken stop)
    {
        if (call["roomId"] is not { Length: > 0 } roomId) return (null, true);
        if (await storage.Rooms.FindAsync(roomId, stop).ConfigureAwait(false) is not { } row) return (null, false);
        var member = await storage.Memberships.FindAsync(row.Nid, call.Caller.UserId, stop).ConfigureAwait(false);
        return member is null ? (null, false) : (row.Nid, true);
    }
}
