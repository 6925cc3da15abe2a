using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.Presence;

internal sealed class PresenceTable(IReads reads) : IPresenceTable
{
    private static readonly Statement Statuses = Statement.ByKeys(
        "SELECT user_id, status_msg FROM presence_statuses WHERE user_id = KEY");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO presence_statuses (user_id, status_msg) VALUES ($1, $2)
        ON CONFLICT (user_id) DO UPDATE SET status_msg = excluded.status_msg
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM presence_statuses WHERE user_id = $1");

    private static readonly Statement AtStop = Statement.Of("SELECT user_id, state, last_active FROM presence_at_stop");

    private static readonly Statement ClearStop = Statement.Of("DELETE FROM presence_at_stop");

    private static readonly Statement PutStop = Statement.Of(
        "INSERT INTO presence_at_stop (user_id, state, last_active) VALUES ($1, $2, $3)");

    public static void Register(WriteHandlers handlers) => handlers
        .On<PresenceStopped>(static (op, writes) =>
        {
            writes.Run(ClearStop, op, static (_, _) => { });
            foreach (var user in op.Users)
            {
                writes.Run(PutStop, user, static (a, user) => a
                    .Text(user.UserId).Int(user.State).Int(user.LastActive));
            }
        })
        .On<PresenceStatusChanged>(static (op, writes) =>
        {
            if (op.Message is { } message)
            {
                writes.Run(Put, (op.UserId, message), static (a, op) => a.Text(op.UserId).Text(op.message));
            }
            else writes.Run(Delete, op.UserId, static (a, user) => a.Text(user));
        })
        .On<UserDeactivated>(static (op, writes) => writes.Run(Delete, op.UserId, static (a, user) => a.Text(user)));

    public async ValueTask<IReadOnlyDictionary<string, string>> StatusesAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            Statuses, userIds, By.Text, static row => (UserId: row.Text(0), Message: row.Text(1)), stop);
        return rows.ToDictionary(static row => row.UserId, static row => row.Message, StringComparer.Ordinal);
    }

    public ValueTask<IReadOnlyList<PresentUser>> AtStopAsync(CancellationToken stop) => reads.ListAsync(
        AtStop,
        0,
        static (_, _) => { },
        static row => new PresentUser(row.Text(0), (int)row.Int64(1), row.Int64(2)),
        stop);
}
