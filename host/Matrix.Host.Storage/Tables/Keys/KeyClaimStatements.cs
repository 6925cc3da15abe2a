using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>Claims keys of many devices with three statements.</summary>
internal static class KeyClaimStatements
{
    private const string SqliteClaims = """
        (SELECT value ->> 0 AS of_user, value ->> 1 AS of_device, value ->> 2 AS of_algorithm FROM json_each($2)) AS w
        """;

    private const string PostgresClaims = "unnest($2, $3, $4) AS w (of_user, of_device, of_algorithm)";

    private const string IsOfClaim =
        "k.user_id = w.of_user AND k.device_id = w.of_device AND k.algorithm = w.of_algorithm";

    private const string OldestKey = """
        (SELECT o.key_id FROM one_time_keys o
            WHERE o.user_id = w.of_user AND o.device_id = w.of_device AND o.algorithm = w.of_algorithm
            ORDER BY o.position, o.seq LIMIT 1)
        """;

    // Runs before the statements for one-time keys, and leaves devices alone that have one.
    private static readonly Statement UseFallbackKeys = OfClaims($"""
        UPDATE fallback_keys AS k SET used = $1 FROM CLAIMS
        WHERE {IsOfClaim} AND NOT EXISTS (SELECT 1 FROM one_time_keys o
            WHERE o.user_id = w.of_user AND o.device_id = w.of_device AND o.algorithm = w.of_algorithm)
        RETURNING user_id, device_id, algorithm, key_id, json
        """);

    private static readonly Statement RememberOneTimeKeys = OfClaims($"""
        INSERT INTO claimed_keys (user_id, device_id, algorithm, key_id, json, position)
        SELECT k.user_id, k.device_id, k.algorithm, k.key_id, k.json, $1 FROM CLAIMS CROSS JOIN one_time_keys k
        WHERE {IsOfClaim} AND k.key_id = {OldestKey}
        ON CONFLICT (user_id, device_id, algorithm, key_id) DO UPDATE
            SET json = excluded.json, position = excluded.position
        RETURNING user_id, device_id, algorithm, key_id, json
        """);

    // The first argument is only of the others.
    private static readonly Statement TakeOneTimeKeys = Statement.Of(
        $"""
        DELETE FROM one_time_keys WHERE (user_id, device_id, algorithm, key_id) IN (
            SELECT w.of_user, w.of_device, w.of_algorithm, {OldestKey}
            FROM {SqliteClaims.Replace("$2", "$1", StringComparison.Ordinal)})
        """,
        $"""
        DELETE FROM one_time_keys k USING unnest($1, $2, $3) AS w (of_user, of_device, of_algorithm)
        WHERE {IsOfClaim} AND k.key_id = {OldestKey}
        """);

    /// <summary>Carries the change out.</summary>
    public static void Apply(KeysClaimed op, IWrites writes)
    {
        var claims = new Dictionary<(string, string, string), ClaimOfKey>(op.Claims.Count);
        foreach (var claim in op.Claims)
        {
            // An earlier attempt at the transaction may have found a key.
            (claim.KeyId, claim.Json, claim.IsFallback) = (null, default, false);
            claims.Add((claim.UserId, claim.DeviceId, claim.Algorithm), claim);
        }

        writes.RunFor(
            UseFallbackKeys, op, static (a, op) => a.Int(1).Rows(op.Claims, _columns),
            (_, row) => Claimed(claims, row, isFallback: true));
        writes.RunFor(
            RememberOneTimeKeys, op, static (a, op) => a.Position().Rows(op.Claims, _columns),
            (_, row) => Claimed(claims, row, isFallback: false));
        writes.Run(TakeOneTimeKeys, op, static (a, op) => a.Rows(op.Claims, _columns));
    }

    private static readonly Func<ClaimOfKey, string>[] _columns =
        [static claim => claim.UserId, static claim => claim.DeviceId, static claim => claim.Algorithm];

    private static bool Claimed(
        Dictionary<(string, string, string), ClaimOfKey> claims, IRow row, bool isFallback)
    {
        var claim = claims[(row.Text(0), row.Text(1), row.Text(2))];
        (claim.KeyId, claim.Json, claim.IsFallback) = (row.Text(3), row.Blob(4), isFallback);
        return true;
    }

    private static Statement OfClaims(string text) => Statement.Of(
        text.Replace("CLAIMS", SqliteClaims, StringComparison.Ordinal),
        text.Replace("CLAIMS", PostgresClaims, StringComparison.Ordinal));
}
