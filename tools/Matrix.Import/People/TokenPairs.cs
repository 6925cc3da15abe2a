namespace Matrix.Import.People;

/// <summary>
/// Parts of queries about pairs of tokens. Synapse keeps the last two pairs of a device: the older one is good until a
/// token of the newer one is used.
/// </summary>
internal static class TokenPairs
{
    /// <summary>The refresh tokens of which the access token was used.</summary>
    public const string Used =
        "SELECT DISTINCT refresh_token_id FROM access_tokens WHERE used AND refresh_token_id IS NOT NULL";

    /// <summary>What is asked of a refresh token `r`: its predecessor, and whether its access token was used.</summary>
    public const string Joins = $"""
        LEFT JOIN (SELECT DISTINCT next_token_id FROM refresh_tokens WHERE next_token_id IS NOT NULL) pred
            ON pred.next_token_id = r.id
        LEFT JOIN ({Used}) mark ON mark.refresh_token_id = r.id
        """;

    /// <summary>Whether it has a predecessor that is still good.</summary>
    public const string IsUnconfirmed =
        "pred.next_token_id IS NOT NULL AND r.next_token_id IS NULL AND mark.refresh_token_id IS NULL";
}
