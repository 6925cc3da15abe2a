namespace Matrix.Import.Rooms;

/// <summary>
/// Memberships of local users that came without the room: invites and knocks of rooms in which no local user is, and
/// leaves that ended them.
/// </summary>
internal static class OutOfBand
{
    /// <summary>
    /// The present memberships (l) that are outliers (e) and no part of the room's current state, with their JSON (j).
    /// Those that are not out of band by `internal_metadata` are among them.
    /// </summary>
    public static string Select(string columns) => $"""
        SELECT {columns} FROM local_current_membership l JOIN events e ON e.event_id = l.event_id
        JOIN event_json j ON j.event_id = l.event_id
        WHERE e.outlier AND NOT EXISTS (SELECT 1 FROM current_state_events c
            WHERE c.room_id = l.room_id AND c.type = 'm.room.member' AND c.state_key = l.user_id
                AND c.event_id = l.event_id)
        """;
}
