using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Sends member events after a look at the membership before, in one session of the room's lane.</summary>
internal sealed class MembershipChanges(RoomSnapshots rooms, RoomLanes lanes, EventAppender appender)
{
    /// <param name="keepIf">Says for which membership nothing changes; null for none.</param>
    /// <param name="refuseUnless">Says for which membership the change is refused; null for none.</param>
    internal async ValueTask<RoomFailure?> SendAsync(
        string sender,
        string roomId,
        string userId,
        JsonObject content,
        Func<Membership?, bool>? keepIf,
        CancellationToken stop,
        Func<Membership?, RoomFailure?>? refuseUnless = null)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return RoomFailure.Unknown;
        var result = await lanes.EnterAsync<bool>(
            snapshot.Room.Nid,
            async session =>
            {
                var now = await MembershipAsync(session, userId, stop);

                // Only members, and the user themselves, may learn the user's membership. For others the rules decide.
                var mayLearn = sender == userId
                    ? now is not null
                    : await MembershipAsync(session, sender, stop) == Membership.Join;
                if (mayLearn)
                {
                    if (keepIf is not null && keepIf(now)) return true;
                    if (refuseUnless?.Invoke(now) is { } refusal) return refusal;
                }

                var made = await appender.AppendAsync(
                    session, Draft.State(EventTypes.Member, userId, sender, content), null, null, stop);
                return made.IsOk ? true : made.Failure;
            },
            stop);
        return result.Failure;
    }

    private async ValueTask<Membership?> MembershipAsync(LaneSession session, string userId, CancellationToken stop)
    {
        var stored = await appender.State.EventAsync(session, EventTypes.Member, userId, stop);
        return stored is null ? null : LaneState.MembershipOf(stored.Pdu);
    }
}
