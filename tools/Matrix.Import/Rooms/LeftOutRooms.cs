using System.Text;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>
/// Rooms that cannot be carried, and memberships in others. Local members are sent a leave, or their clients would go
/// on showing the room: it is in no room, and comes after every position of Synapse's.
/// </summary>
internal static class LeftOutRooms
{
    public static async Task TakeAsync(
        ImportContext context, string roomId, string reason, RoomChanges changes, CancellationToken stop)
    {
        changes.LeaveOut("rooms", roomId, reason);
        var members = await context.Source.ListAsync(
            """
            SELECT l.user_id, l.event_id, e.outlier FROM local_current_membership l
            JOIN events e ON e.event_id = l.event_id
            WHERE l.room_id = $1 AND l.membership IN ('join', 'invite', 'knock') ORDER BY l.user_id
            """,
            static row => (User: row.Text(0), Event: row.Text(1), IsOutlier: row.Bool(2)),
            stop,
            roomId);
        foreach (var (user, eventId, isOutlier) in members)
        {
            // An invite without the room is carried by itself.
            if (!isOutlier) Leave(context, roomId, user, eventId, changes);
        }
    }

    /// <summary>Ends a room that is carried for those local members whose own member event is not.</summary>
    public static async Task OfLostMembersAsync(
        ImportContext context,
        KnownRoom room,
        IReadOnlyDictionary<string, Member> carried,
        RoomChanges changes,
        CancellationToken stop)
    {
        var members = await context.Source.ListAsync(
            """
            SELECT l.user_id, l.event_id FROM local_current_membership l LEFT JOIN events e ON e.event_id = l.event_id
            WHERE l.room_id = $1 AND l.membership IN ('join', 'invite', 'knock')
                AND (e.outlier IS NULL OR NOT e.outlier)
            ORDER BY l.user_id
            """,
            static row => (User: row.Text(0), Event: row.Text(1)),
            stop,
            room.RoomId);
        foreach (var (user, eventId) in members)
        {
            if (room.Events.Find(eventId) < 0 && !carried.ContainsKey(user))
            {
                Leave(context, room.RoomId, user, eventId, changes);
            }
        }
    }

    /// <summary>Ends a room for a user.</summary>
    public static void Leave(ImportContext context, string roomId, string user, string eventId, RoomChanges changes)
    {
        var row = new StrippedRoomRow(
            roomId, "", context.ServerName, Membership.Invite, user, eventId, ReadOnlyMemory<byte>.Empty,
            Encoding.UTF8.GetBytes("[]"), 0);
        changes.Add(new StrippedRoomEntered(user, row, int.MaxValue));
        changes.Add(
            new StrippedRoomLeft(user, roomId, eventId, user, eventId, ReadOnlyMemory<byte>.Empty, int.MaxValue)
            {
                EndedAt = context.Time.GetUtcNow().ToUnixTimeMilliseconds(),
            });
        changes.Written("leaves");
    }
}
