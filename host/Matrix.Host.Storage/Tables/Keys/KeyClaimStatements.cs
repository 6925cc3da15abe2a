using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>
/// Claims keys of many devices with three statements. A claim moves the place up to which the keys of its device and
/// algorithm are claimed, and changes no key.
/// </summary>
internal static class KeyClaimStatements
{
    private const string IsClaimed =
        "c.user_id = w.of_user AND c.device_id = w.of_device AND c.algorithm = w.of_algorithm";

    private const string OldestKey = $"""
        (SELECT k.place FROM one_time_keys k WHERE {KeyHandlers.IsUnclaimed} ORDER BY k.place LIMIT 1)
        """;

    // Runs before the statements for one-time keys, and leaves devices alone that have one.
    private static readonly Statement UseFallbackKeys = OfClaims(2, $"""
        UPDATE fallback_keys AS f SET used = $1 FROM CLAIMS
        WHERE f.user_id = w.of_user AND f.device_id = w.of_device AND f.algorithm = w.of_algorithm
            AND NOT EXISTS (SELECT 1 FROM one_time_key_claims c CROSS JOIN one_time_keys k
                WHERE {IsClaimed} AND {KeyHandlers.IsUnclaimed})
        RETURNING user_id, device_id, algorithm, key_id, json
        """);

    private static readonly Statement ReadOneTimeKeys = OfClaims(1, $"""
        SELECT k.user_id, k.device_id, k.algorithm, k.key_id, k.json
        FROM CLAIMS CROSS JOIN one_time_key_claims c CROSS JOIN one_time_keys k
        WHERE {IsClaimed} AND k.user_id = c.user_id AND k.device_id = c.device_id AND k.algorithm = c.algorithm
            AND k.place = {OldestKey}
        """);

    private static readonly Statement TakeOneTimeKeys = OfClaims(1, $"""
        UPDATE one_time_key_claims AS c SET place = COALESCE({OldestKey}, c.place) FROM CLAIMS WHERE {IsClaimed}
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
            ReadOneTimeKeys, op, static (a, op) => a.Rows(op.Claims, _columns),
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

    /// <summary>A statement with the claims, as rows `w`, for CLAIMS. Their first argument has a number.</summary>
    private static Statement OfClaims(int first, string text) => Statement.Of(
        text.Replace("CLAIMS", $"""
            (SELECT value ->> 0 AS of_user, value ->> 1 AS of_device, value ->> 2 AS of_algorithm
                FROM json_each(${first})) AS w
            """, StringComparison.Ordinal),
        text.Replace("CLAIMS", $"""
            unnest(${first}, ${first + 1}, ${first + 2}) AS w (of_user, of_device, of_algorithm)
            """, StringComparison.Ordinal));
}
