using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>
/// Claims keys of many devices with three statements. A claim moves the place up to which the keys of its device and
/// algorithm are claimed, and changes no key.
/// </summary>
internal static class SqliteKeyClaims
{
    private const string OldestKey = $"""
        (SELECT k.place FROM one_time_keys k WHERE {KeyHandlers.IsUnclaimed} ORDER BY k.place LIMIT 1)
        """;

    // Runs before the statements for one-time keys, and leaves devices alone that have one.
    private static readonly Statement UseFallbackKeys = Statement.Of($"""
        UPDATE fallback_keys AS f SET used = 1 FROM {Claims}
        WHERE f.user_id = w.of_user AND f.device_id = w.of_device AND f.algorithm = w.of_algorithm
            AND NOT EXISTS (SELECT 1 FROM one_time_key_claims c CROSS JOIN one_time_keys k
                WHERE {KeysOfClaims.IsClaimed} AND {KeyHandlers.IsUnclaimed})
        RETURNING user_id, device_id, algorithm, key_id, json
        """);

    private static readonly Statement ReadOneTimeKeys = Statement.Of($"""
        SELECT k.user_id, k.device_id, k.algorithm, k.key_id, k.json
        FROM {Claims} CROSS JOIN one_time_key_claims c CROSS JOIN one_time_keys k
        WHERE {KeysOfClaims.IsClaimed}
            AND k.user_id = c.user_id AND k.device_id = c.device_id AND k.algorithm = c.algorithm
            AND k.place = {OldestKey}
        """);

    private static readonly Statement TakeOneTimeKeys = Statement.Of($"""
        UPDATE one_time_key_claims AS c SET place = COALESCE({OldestKey}, c.place) FROM {Claims}
        WHERE {KeysOfClaims.IsClaimed}
        """);

    private const string Claims = """
        (SELECT value ->> 0 AS of_user, value ->> 1 AS of_device, value ->> 2 AS of_algorithm FROM json_each($1)) AS w
        """;

    /// <summary>Claims the keys.</summary>
    public static void Claim(KeysClaimed op, IWrites writes)
    {
        var keys = new KeysOfClaims(op);
        writes.RunFor(UseFallbackKeys, op, KeysOfClaims.Bind, (_, row) => keys.Read(row, isFallback: true));
        writes.RunFor(ReadOneTimeKeys, op, KeysOfClaims.Bind, (_, row) => keys.Read(row, isFallback: false));
        writes.Run(TakeOneTimeKeys, op, KeysOfClaims.Bind);
    }
}
