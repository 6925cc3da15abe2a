using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Streams.Streams.Memberships;

/// <summary>Where a user left a room.</summary>
/// <param name="Event">The event by which they left.</param>
/// <param name="IsLatest">Whether it is still their member event.</param>
/// <param name="Previous">The event by which they were joined before it; null if they were only invited.</param>
internal readonly record struct Departure(StoredEvent Event, bool IsLatest, StoredEvent? Previous);

/// <summary>Reads a user's membership at a position, and where it ended.</summary>
internal sealed class MembershipReader(EventStore events, MembershipHistory history)
{
    /// <summary>Whether a user is joined in a state of a room, which may be the current one.</summary>
    public ValueTask<bool> IsJoinedAsync(
        RoomSnapshot snapshot, StateTree state, string userId, CancellationToken stop) =>
        ReferenceEquals(state, snapshot.State)
            ? ValueTask.FromResult(snapshot.Local.IsJoined(userId))
            : IsJoinedAsync(snapshot.Room, state, userId, stop);

    /// <summary>Whether a user is joined in a state of a room.</summary>
    public async ValueTask<bool> IsJoinedAsync(
        RoomIdentity room, StateTree state, string userId, CancellationToken stop)
    {
        if (state.Find(EventTypes.Member, userId) is not { } entry) return false;
        var member = await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop);
        return member is not null && member.Membership == "join";
    }

    /// <summary>
    /// Where the user left the room; null if they were neither joined nor invited, such as a banned user who was never
    /// a member.
    /// </summary>
    /// <param name="member">The user's current member event.</param>
    /// <param name="since">The position at which it became current.</param>
    public async ValueTask<Departure?> DepartureAsync(
        RoomIdentity room, EventNid member, long since, CancellationToken stop)
    {
        var back = await history.BackAsync(
            room, member, since, stored => stored.Membership is "join" or "invite" or "knock",
            stop);
        if (back.Count < 2) return null;
        return back[^1].Membership switch
        {
            "join" => new Departure(back[^2], back.Count == 2, back[^1]),
            "invite" or "knock" => new Departure(back[^2], back.Count == 2, null),
            _ => null,
        };
    }
}
