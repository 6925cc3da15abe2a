using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.Pushers;

/// <summary>
/// Pushers, and what each has not sent yet. A pusher takes about 600 bytes, and a user has few. An event that is owed
/// to a pusher takes about 30 bytes until it is sent, and a pusher is owed a bounded number.
/// v1.19 client-server-api#push-notifications
/// </summary>
public sealed class PushersTable(IReads reads)
{
    private const string Columns = """
        pusher_id, kind, user_id, device_id, app_id, pushkey, app_display_name, device_display_name, lang, profile_tag,
        data, set_at, is_confirmed, mailed_at, secret
        """;

    private static readonly Statement Find = Statement.Of($"SELECT {Columns} FROM pushers WHERE pusher_id = $1");

    private static readonly Statement OfUser = Statement.Of(
        $"SELECT {Columns} FROM pushers WHERE user_id = $1 ORDER BY pusher_id");

    private static readonly Statement Names = Statement.Of(
        "SELECT pusher_id, user_id, kind FROM pushers WHERE pusher_id > $1 ORDER BY pusher_id LIMIT $2");

    private static readonly Statement Pending = Statement.Of("""
        SELECT position, event_nid, owed_at FROM push_owed WHERE pusher_id = $1 ORDER BY position, event_nid LIMIT $2
        """);

    private static readonly Statement Owing = Statement.Of(
        "SELECT DISTINCT pusher_id FROM push_owed WHERE pusher_id > $1 ORDER BY pusher_id LIMIT $2");

    private static readonly Statement Put = Statement.Of($"""
        INSERT INTO pushers ({Columns})
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14
        WHERE $4 = '' OR EXISTS (SELECT 1 FROM devices WHERE user_id = $3 AND device_id = $4)
        ON CONFLICT (user_id, app_id, pushkey) DO UPDATE SET kind = excluded.kind, device_id = excluded.device_id,
            app_display_name = excluded.app_display_name, device_display_name = excluded.device_display_name,
            lang = excluded.lang, profile_tag = excluded.profile_tag, data = excluded.data, set_at = excluded.set_at,
            mailed_at = CASE WHEN pushers.is_confirmed = 1 THEN pushers.mailed_at ELSE 0 END,
            is_confirmed = CASE WHEN pushers.kind = excluded.kind AND excluded.is_confirmed = 0
                THEN pushers.is_confirmed ELSE excluded.is_confirmed END,
            secret = CASE WHEN pushers.kind = excluded.kind THEN pushers.secret ELSE excluded.secret END
        RETURNING pusher_id
        """);

    // What a pusher owes is deleted before the pusher.
    private static readonly Statement[] DeleteOthers = Deleting(
        "pushkey = $3 AND app_id = $2 AND user_id <> $1");

    private static readonly Statement[] DeleteOne = Deleting("user_id = $1 AND app_id = $2 AND pushkey = $3");
    private static readonly Statement[] DeleteOfUser = Deleting("user_id = $1");
    private static readonly Statement[] DeleteRejected = Deleting("pusher_id = $1 AND set_at = $2");
    private static readonly Statement[] DeleteOfDevice = Deleting("user_id = $1 AND device_id = $2");
    private static readonly Statement[] DeleteOfOtherDevices = Deleting("user_id = $1 AND device_id <> $2");

    private static readonly Statement Confirm = Statement.Of(
        "UPDATE pushers SET is_confirmed = 1 WHERE pusher_id = $1");

    private static readonly Statement Mailed = Statement.Of("UPDATE pushers SET mailed_at = $2 WHERE pusher_id = $1");

    private static readonly Statement Enqueue = Statement.Of("""
        INSERT INTO push_owed (pusher_id, position, event_nid, owed_at)
        SELECT pusher_id, $2, $3, $4 FROM pushers WHERE pusher_id = $1
        ON CONFLICT (pusher_id, position, event_nid) DO NOTHING
        """);

    private static readonly Statement Sent = Statement.Of(
        "DELETE FROM push_owed WHERE pusher_id = $1 AND (position < $2 OR (position = $2 AND event_nid <= $3))");

    private static readonly Statement Trim = Statement.Of("""
        DELETE FROM push_owed WHERE pusher_id = $1 AND position < (
            SELECT MIN(position) FROM (
                SELECT position FROM push_owed WHERE pusher_id = $1 ORDER BY position DESC LIMIT $2) latest)
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<PusherSet>(static (op, writes) =>
        {
            if (!op.IsAppended)
            {
                foreach (var statement in DeleteOthers)
                {
                    writes.Run(statement, op.Pusher, static (a, p) => a.Text(p.UserId).Text(p.AppId).Text(p.PushKey));
                }
            }

            writes.RunFor(
                Put,
                op,
                static (a, op) => a
                    .Position().Int((int)op.Pusher.Kind).Text(op.Pusher.UserId).Text(op.Pusher.DeviceId)
                    .Text(op.Pusher.AppId).Text(op.Pusher.PushKey).Text(op.Pusher.AppDisplayName)
                    .Text(op.Pusher.DeviceDisplayName).Text(op.Pusher.Lang).TextOrNull(op.Pusher.ProfileTag)
                    .Blob(op.Pusher.Data).Now().Bool(op.Pusher.IsConfirmed).Text(op.Pusher.Secret),
                static (op, row) =>
                {
                    op.PusherId = row.Int64(0);
                    return true;
                });
        })
        .On<PusherDeleted>(static (op, writes) =>
        {
            writes.Run(DeleteOne[0], op, static (a, op) => a.Text(op.UserId).Text(op.AppId).Text(op.PushKey));
            writes.RunIf(DeleteOne[1], op, static (a, op) => a.Text(op.UserId).Text(op.AppId).Text(op.PushKey));
        })
        .On<PusherRejected>(static (op, writes) =>
        {
            writes.Run(DeleteRejected[0], op, static (a, op) => a.Int(op.PusherId).Int(op.SetAt));
            writes.RunIf(DeleteRejected[1], op, static (a, op) => a.Int(op.PusherId).Int(op.SetAt));
        })
        .On<PushersOfUserDeleted>(static (op, writes) =>
        {
            foreach (var statement in DeleteOfUser) writes.Run(statement, op, static (a, op) => a.Text(op.UserId));
        })
        .On<DeviceDeleted>(static (op, writes) =>
        {
            foreach (var statement in DeleteOfDevice)
            {
                writes.Run(statement, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
            }
        })
        .On<OtherDevicesDeleted>(static (op, writes) =>
        {
            foreach (var statement in DeleteOfOtherDevices)
            {
                writes.Run(statement, op, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));
            }
        })
        .OnCondition<PusherConfirmed>(Confirm, static (a, op) => a.Int(op.PusherId))
        .On<PusherMailed>(Mailed, static (a, op) => a.Int(op.PusherId).Now())
        .OnCondition<PushEnqueued>(Enqueue, static (a, op) => a.Int(op.PusherId).Int(op.At).Nid(op.Event).Now())
        .On<PushSent>(Sent, static (a, op) => a.Int(op.PusherId).Int(op.At).Nid(op.Event))
        .On<PushesTrimmed>(Trim, static (a, op) => a.Int(op.PusherId).Int(op.Keep));

    /// <summary>The pusher; null if there is none.</summary>
    public ValueTask<PusherRow?> FindAsync(long pusherId, CancellationToken stop) =>
        reads.FirstAsync(Find, pusherId, static (a, id) => a.Int(id), Row, stop);

    /// <summary>A user's pushers, the oldest first.</summary>
    public ValueTask<IReadOnlyList<PusherRow>> OfUserAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(OfUser, userId, static (a, user) => a.Text(user), Row, stop);

    /// <summary>All pushers by id, a page at a time: those after this one.</summary>
    public ValueTask<IReadOnlyList<PusherName>> NamesAsync(long after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Names,
            (after, limit),
            static (a, q) => a.Int(q.after).Int(q.limit),
            static row => new PusherName(row.Int64(0), row.Text(1), (PusherKind)row.Int32(2)),
            stop);

    /// <summary>What a pusher has not sent, the earliest first.</summary>
    public ValueTask<IReadOnlyList<PendingPush>> PendingAsync(long pusherId, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Pending,
            (pusherId, limit),
            static (a, q) => a.Int(q.pusherId).Int(q.limit),
            static row => new PendingPush(row.Int64(0), row.Nid(1), row.Int64(2)),
            stop);

    /// <summary>The pushers that have something to send, by id, a page at a time: those after this one.</summary>
    public ValueTask<IReadOnlyList<long>> OwingAsync(long after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Owing, (after, limit), static (a, q) => a.Int(q.after).Int(q.limit), static row => row.Int64(0), stop);

    private static Statement[] Deleting(string where) =>
    [
        Statement.Of($"DELETE FROM push_owed WHERE pusher_id IN (SELECT pusher_id FROM pushers WHERE {where})"),
        Statement.Of($"DELETE FROM pushers WHERE {where}"),
    ];

    private static PusherRow Row(IRow row) => new(
        row.Int64(0), (PusherKind)row.Int32(1), row.Text(2), row.Text(3), row.Text(4), row.Text(5), row.Text(6),
        row.Text(7), row.Text(8), row.TextOrNull(9), row.Blob(10), row.Int64(11))
    {
        IsConfirmed = row.Bool(12),
        MailedAt = row.Int64(13),
        Secret = row.Text(14),
    };
}
