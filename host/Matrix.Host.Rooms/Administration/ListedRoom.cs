using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Rooms.Administration;

/// <summary>A room as administrators see it.</summary>
public sealed record ListedRoom
{
    /// <summary>What everyone sees who looks for rooms.</summary>
    public required RoomSummary Summary { get; init; }

    /// <summary>The number of joined local members.</summary>
    public required int LocalMembers { get; init; }

    /// <summary>The sender of the create event.</summary>
    public required string Creator { get; init; }

    /// <summary>Whether users of other servers may join.</summary>
    public required bool IsFederatable { get; init; }

    /// <summary>Whether the room is in the published directory.</summary>
    public required bool IsPublished { get; init; }

    /// <summary>Whether guests may join; null if the room does not say.</summary>
    public required string? GuestAccess { get; init; }

    /// <summary>Who may see the history; null if the room does not say.</summary>
    public required string? HistoryVisibility { get; init; }

    /// <summary>The number of state events.</summary>
    public required int StateEvents { get; init; }
}

/// <summary>The order of a list of rooms.</summary>
public enum RoomOrder
{
    /// <summary>By name.</summary>
    Name,

    /// <summary>By canonical alias.</summary>
    CanonicalAlias,

    /// <summary>Those with the most members first.</summary>
    JoinedMembers,

    /// <summary>Those with the most local members first.</summary>
    JoinedLocalMembers,

    /// <summary>The greatest room version first.</summary>
    Version,

    /// <summary>By creator.</summary>
    Creator,

    /// <summary>By encryption algorithm.</summary>
    Encryption,

    /// <summary>By whether users of other servers may join.</summary>
    Federatable,

    /// <summary>By whether the room is published.</summary>
    Public,

    /// <summary>By join rule.</summary>
    JoinRules,

    /// <summary>By guest access.</summary>
    GuestAccess,

    /// <summary>By history visibility.</summary>
    HistoryVisibility,

    /// <summary>Those with the most state events first.</summary>
    StateEvents,
}

/// <summary>Which rooms are listed. A null admits all.</summary>
public sealed record RoomListQuery
{
    /// <summary>Part of the name or of the alias's local part, in any case, or of the room id.</summary>
    public string? SearchTerm { get; init; }

    /// <summary>Whether published rooms, or all others, are listed.</summary>
    public bool? IsPublished { get; init; }

    /// <summary>Whether rooms without joined members, or all others, are listed.</summary>
    public bool? IsEmpty { get; init; }

    /// <summary>The order.</summary>
    public RoomOrder Order { get; init; }

    /// <summary>Whether the order is reversed.</summary>
    public bool IsReversed { get; init; }

    /// <summary>Whether the query admits a room.</summary>
    internal bool Admits(ListedRoom room) =>
        (IsPublished is null || room.IsPublished == IsPublished)
        && (IsEmpty is null || (room.Summary.JoinedCount == 0) == IsEmpty)
        && (SearchTerm is not { Length: > 0 } term
            || room.Summary.Name?.Contains(term, StringComparison.OrdinalIgnoreCase) == true
            || LocalpartOf(room.Summary.CanonicalAlias).Contains(term, StringComparison.OrdinalIgnoreCase)
            || room.Summary.RoomId.Contains(term, StringComparison.Ordinal));

    /// <summary>The rooms in order. Equal rooms are in the order of their ids.</summary>
    internal IReadOnlyList<ListedRoom> Sorted(IEnumerable<ListedRoom> rooms)
    {
        var sorted = Order switch
        {
            RoomOrder.CanonicalAlias => rooms.OrderBy(room => room.Summary.CanonicalAlias, StringComparer.Ordinal),
            RoomOrder.JoinedMembers => rooms.OrderByDescending(room => room.Summary.JoinedCount),
            RoomOrder.JoinedLocalMembers => rooms.OrderByDescending(room => room.LocalMembers),
            RoomOrder.Version => rooms.OrderByDescending(room => room.Summary.Version, StringComparer.Ordinal),
            RoomOrder.Creator => rooms.OrderBy(room => room.Creator, StringComparer.Ordinal),
            RoomOrder.Encryption => rooms.OrderBy(room => room.Summary.Encryption, StringComparer.Ordinal),
            RoomOrder.Federatable => rooms.OrderBy(room => room.IsFederatable),
            RoomOrder.Public => rooms.OrderBy(room => room.IsPublished),
            RoomOrder.JoinRules => rooms.OrderBy(room => room.Summary.JoinRule, StringComparer.Ordinal),
            RoomOrder.GuestAccess => rooms.OrderBy(room => room.GuestAccess, StringComparer.Ordinal),
            RoomOrder.HistoryVisibility => rooms.OrderBy(room => room.HistoryVisibility, StringComparer.Ordinal),
            RoomOrder.StateEvents => rooms.OrderByDescending(room => room.StateEvents),
            _ => rooms.OrderBy(room => room.Summary.Name, StringComparer.OrdinalIgnoreCase),
        };
        ListedRoom[] all = [.. sorted.ThenBy(room => room.Summary.RoomId, StringComparer.Ordinal)];
        if (IsReversed) Array.Reverse(all);
        return all;
    }

    private static string LocalpartOf(string? alias) =>
        alias is null ? "" : alias[1..Math.Max(1, alias.IndexOf(':', StringComparison.Ordinal))];
}
