using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.Presence;

/// <summary>
/// The messages that local users attached to their presence, and who was present at an orderly stop.
/// v1.19 client-server-api#presence. The rest of presence is kept in memory. A row takes the bytes of the user id and
/// of the message, at most two for each user.
/// </summary>
public sealed class PresenceTable(IReads reads)
{
    private static readonly Statement Statuses = Statement.ByKeys(
        "SELECT user_id, status_msg FROM presence_statuses WHERE user_id = KEY");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO presence_statuses (user_id, status_msg) VALUES ($1, $2)
        ON CONFLICT (user_id) DO UPDATE SET status_msg = excluded.status_msg
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM presence_statuses WHERE user_id = $1");

    private static readonly Statement AtStop = Statement.Of(
        "SELECT user_id, state, last_active, active, imported_at FROM presence_at_stop");

    private static readonly Statement DeleteStop = Statement.Of("DELETE FROM presence_at_stop WHERE user_id = $1");

    private static readonly Statement PutStop = Statement.Of("""
        INSERT INTO presence_at_stop (user_id, state, last_active, active, imported_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id) DO UPDATE SET state = excluded.state, last_active = excluded.last_active,
            active = excluded.active, imported_at = excluded.imported_at
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<PresenceStopped>(PutStop, static (a, op) => a
            .Text(op.User.UserId).Int(op.User.State).Int(op.User.LastActive)
            .Int(op.User.IsActive ? 1 : 0).Int(op.User.ImportedAt))
        .On<PresenceResumed>(DeleteStop, static (a, op) => a.Text(op.UserId))
        .On<PresenceStatusChanged>(static (op, writes) =>
        {
            if (op.Message is { } message)
            {
                writes.Run(Put, (op.UserId, message), static (a, op) => a.Text(op.UserId).Text(op.message));
            }
            else writes.Run(Delete, op.UserId, static (a, user) => a.Text(user));
        })
        .On<UserDeactivated>(static (op, writes) => writes.Run(Delete, op.UserId, static (a, user) => a.Text(user)));

    /// <summary>The messages of these users; users without one are left out.</summary>
    public async ValueTask<IReadOnlyDictionary<string, string>> StatusesAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            Statuses, userIds, By.Text, static row => (UserId: row.Text(0), Message: row.Text(1)), stop);
        return rows.ToDictionary(static row => row.UserId, static row => row.Message, StringComparer.Ordinal);
    }

    /// <summary>The local users who were not offline at a stop, and were not taken up since.</summary>
    public ValueTask<IReadOnlyList<PresentUser>> AtStopAsync(CancellationToken stop) => reads.ListAsync(
        AtStop,
        0,
        static (_, _) => { },
        static row => new PresentUser(
            row.Text(0), (int)row.Int64(1), row.Int64(2), row.Int64(3) != 0, row.Int64(4)),
        stop);
}

/// <summary>A local user who is not offline.</summary>
/// <param name="State">The value of the state.</param>
/// <param name="LastActive">The last activity, in milliseconds since the epoch; 0 if none is known.</param>
/// <param name="IsActive">Whether the user was shown as active; only known of imported ones.</param>
/// <param name="ImportedAt">Where this is among the changes of presence of the imported server; 0 if it was this one's.
/// </param>
public readonly record struct PresentUser(
    string UserId, int State, long LastActive, bool IsActive = false, long ImportedAt = 0);

/// <summary>
/// The server stops while a user is not offline. A row takes the bytes of the user id; `presence.users` bounds them.
/// </summary>
public sealed record PresenceStopped(PresentUser User) : Change;

/// <summary>The row of a user that was written at a stop was taken up.</summary>
public sealed record PresenceResumed(string UserId) : Change;

/// <summary>A user's message changed; null if there is none any more.</summary>
public sealed record PresenceStatusChanged(string UserId, string? Message) : Change;
