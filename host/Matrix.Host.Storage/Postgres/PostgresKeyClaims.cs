using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// Claims keys of many devices with one statement. A claim moves the place up to which the keys of its device and
/// algorithm are claimed, and changes no one-time key. LATERAL with LIMIT finds each device's oldest key by the index:
/// other forms of the query compare all keys of a device, or of all devices. The row that is changed is found by its
/// place in the table (`ctid`), not by its key again: nothing else writes these rows meanwhile, because batches are
/// written one after the other. EXCEPT compares the claims with the found keys once; NOT EXISTS would compare each
/// with each.
/// </summary>
internal static class PostgresKeyClaims
{
    private static readonly Statement ClaimKeys = Statement.Of($"""
        WITH w AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3) AS claims (of_user, of_device, of_algorithm)),
        taken AS (
            UPDATE one_time_key_claims AS t SET place = oldest.place
            FROM w JOIN one_time_key_claims c ON {KeysOfClaims.IsClaimed}
                CROSS JOIN LATERAL (SELECT k.place, k.key_id, k.json FROM one_time_keys k
                    WHERE {KeyHandlers.IsUnclaimed} ORDER BY k.place LIMIT 1) AS oldest
            WHERE t.ctid = c.ctid
            RETURNING t.user_id, t.device_id, t.algorithm, oldest.key_id, oldest.json),
        fallbacks AS (
            UPDATE fallback_keys AS f SET used = 1
            FROM (SELECT of_user, of_device, of_algorithm FROM w
                EXCEPT SELECT user_id, device_id, algorithm FROM taken) AS missed
            WHERE f.user_id = missed.of_user AND f.device_id = missed.of_device
                AND f.algorithm = missed.of_algorithm
            RETURNING f.user_id, f.device_id, f.algorithm, f.key_id, f.json)
        SELECT user_id, device_id, algorithm, key_id, json, 0 FROM taken
        UNION ALL SELECT user_id, device_id, algorithm, key_id, json, 1 FROM fallbacks
        """);

    /// <summary>Claims the keys.</summary>
    public static void Claim(KeysClaimed op, IWrites writes)
    {
        var keys = new KeysOfClaims(op);
        writes.RunFor(ClaimKeys, op, KeysOfClaims.Bind, (_, row) => keys.Read(row, isFallback: row.Bool(5)));
    }
}
