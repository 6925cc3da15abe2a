using Matrix.Core.Event;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Storage.Tables.Guests;

internal sealed class GuestsTable(IReads reads) : IGuestsTable
{
    private const string IsGuest = "u.kind = 1 AND u.deactivated_at IS NULL";

    private const string NotSeen = """
        NOT EXISTS (SELECT 1 FROM devices d WHERE d.user_id = u.user_id AND d.last_seen_at >= $1)
        """;

    private static readonly Statement Unused = Statement.Of($"""
        SELECT u.user_id FROM users u WHERE {IsGuest} AND u.created_at < $1 AND {NotSeen}
        ORDER BY u.created_at LIMIT $2
        """);

    private static readonly Statement Among = Statement.ByKeys(
        $"SELECT u.user_id FROM users u WHERE u.user_id = KEY AND {IsGuest}");

    private static readonly Statement Changed = Statement.Of(
        "SELECT room_nid, position FROM guest_access_changes WHERE room_nid > $1 ORDER BY room_nid LIMIT $2");

    private static readonly Statement Note = Statement.Of("""
        INSERT INTO guest_access_changes (room_nid, position) VALUES ($1, $2)
        ON CONFLICT (room_nid) DO UPDATE SET position = excluded.position
        """);

    private static readonly Statement End = Statement.Of(
        "DELETE FROM guest_access_changes WHERE room_nid = $1 AND position = $2");

    private static readonly Statement Fewer = Statement.Of(
        $"SELECT 1 WHERE (SELECT COUNT(*) FROM users u WHERE {IsGuest}) < $1");

    private static readonly Statement IsUnused = Statement.Of(
        $"SELECT 1 FROM users u WHERE u.user_id = $2 AND {IsGuest} AND u.created_at < $1 AND {NotSeen}");

    private static readonly Statement Upgrade = Statement.Of("""
        UPDATE users SET kind = 0, password_hash = $3, is_admin = $4
        WHERE user_id = $1 AND kind = 1 AND deactivated_at IS NULL AND locked = 0
            AND EXISTS (SELECT 1 FROM tokens WHERE hash = $2 AND kind = 0 AND user_id = $1)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<StateChanged>(static (op, writes) =>
        {
            // No guest is in a room that never admitted any.
            if (op.ChangeOf(EventTypes.GuestAccess, "") is { Before: not 0 })
            {
                writes.Run(Note, op, static (a, op) => a.Room(op.Room).Position());
            }
        })
        .On<GuestAccessHandled>(End, static (a, op) => a.Room(op.Of.Room).Int(op.Of.Position))
        .OnCondition<GuestsFewerThan>(Fewer, static (a, op) => a.Int(op.Most), static (_, _) => true)
        .OnCondition<GuestIsUnused>(
            IsUnused, static (a, op) => a.Int(op.Since).Text(op.UserId), static (_, _) => true)
        .OnCondition<GuestUpgraded>(Upgrade, static (a, op) => a
            .Text(op.UserId).Blob(op.AccessHash).TextOrNull(op.PasswordHash).Bool(op.IsAdmin));

    public ValueTask<IReadOnlyList<string>> UnusedAsync(long since, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Unused, (since, limit), static (a, q) => a.Int(q.since).Int(q.limit), static row => row.Text(0), stop);

    public ValueTask<IReadOnlyList<string>> AmongAsync(IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        reads.ByKeysAsync(Among, userIds, By.Text, static row => row.Text(0), stop);

    public ValueTask<IReadOnlyList<GuestAccessChange>> ChangedRoomsAsync(
        RoomNid after, int limit, CancellationToken stop) => reads.ListAsync(
            Changed,
            (after, limit),
            static (a, q) => a.Room(q.after).Int(q.limit),
            static row => new GuestAccessChange(row.Room(0), row.Int64(1)),
            stop);
}
