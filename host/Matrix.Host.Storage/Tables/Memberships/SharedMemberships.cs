namespace Matrix.Host.Storage.Tables.Memberships;

/// <summary>
/// Conditions on the memberships `a` and `b` of two users in a room, of which the table has the current ones. A row has
/// the position at which its membership began.
/// </summary>
internal static class SharedMemberships
{
    /// <summary>1 if both users are joined since a position or longer, without a break, otherwise 0.</summary>
    internal static string WereJoined(string position) => $"""
        CASE WHEN a.membership = 1 AND b.membership = 1 AND a.position <= {position} AND b.position <= {position}
            THEN 1 ELSE 0 END
        """;

    /// <summary>Each of them is joined, or may have been at a position: their membership changed after it.</summary>
    internal static string MayHaveBeenJoined(string position) => $"""
        (a.membership = 1 OR a.position > {position}) AND (b.membership = 1 OR b.position > {position})
        """;
}
