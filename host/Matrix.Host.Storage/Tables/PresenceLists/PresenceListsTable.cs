using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.PresenceLists;

/// <summary>
/// The presence lists of local users. A row takes the bytes of two user ids; a limit for each user bounds their number.
/// The 2014 Client-Server API, "Presence List".
/// </summary>
public sealed class PresenceListsTable(IReads reads)
{
    private static readonly Statement OfUser = Statement.Of(
        "SELECT listed FROM presence_lists WHERE user_id = $1 ORDER BY listed");

    private static readonly Statement Mutual = Statement.Of("""
        SELECT a.listed FROM presence_lists a
        JOIN presence_lists b ON b.user_id = a.listed AND b.listed = a.user_id
        WHERE a.user_id = $1
        """);

    private static readonly Statement IsMutual = Statement.Of("""
        SELECT COUNT(*) FROM presence_lists
        WHERE (user_id = $1 AND listed = $2) OR (user_id = $2 AND listed = $1)
        """);

    // The row exists afterwards, and is returned, unless the list is full.
    private static readonly Statement Put = Statement.Of("""
        INSERT INTO presence_lists (user_id, listed)
        SELECT $1, $2
        WHERE (SELECT COUNT(*) FROM presence_lists WHERE user_id = $1) < $3
            OR EXISTS (SELECT 1 FROM presence_lists WHERE user_id = $1 AND listed = $2)
        ON CONFLICT (user_id, listed) DO UPDATE SET listed = excluded.listed
        """);

    private static readonly Statement Delete = Statement.Of(
        "DELETE FROM presence_lists WHERE user_id = $1 AND listed = $2");

    private static readonly Statement DeleteAll = Statement.Of("DELETE FROM presence_lists WHERE user_id = $1");

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<PresenceListed>(Put, static (a, op) => a.Text(op.UserId).Text(op.Listed).Int(op.Most))
        .On<PresenceUnlisted>(Delete, static (a, op) => a.Text(op.UserId).Text(op.Listed))
        .On<UserDeactivated>(static (op, writes) =>
            writes.Run(DeleteAll, op.UserId, static (a, user) => a.Text(user)));

    /// <summary>The users whom a user has listed, in order.</summary>
    public ValueTask<IReadOnlyList<string>> OfUserAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(OfUser, userId, static (a, user) => a.Text(user), static row => row.Text(0), stop);

    /// <summary>The users whom a user has listed and who have listed the user.</summary>
    public ValueTask<IReadOnlyList<string>> MutualAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(Mutual, userId, static (a, user) => a.Text(user), static row => row.Text(0), stop);

    /// <summary>Whether two users have listed each other.</summary>
    public ValueTask<bool> IsMutualAsync(string userId, string other, CancellationToken stop) => reads.FirstAsync(
        IsMutual,
        (userId, other),
        static (a, q) => a.Text(q.userId).Text(q.other),
        static row => row.Int32(0) == 2,
        stop);
}

/// <summary>Lists a user. Not applied beyond the limit; listing a user again changes nothing.</summary>
/// <param name="Most">The most users on one list.</param>
public sealed record PresenceListed(string UserId, string Listed, int Most) : ConditionalChange;

/// <summary>Removes a user from a list.</summary>
public sealed record PresenceUnlisted(string UserId, string Listed) : Change;
