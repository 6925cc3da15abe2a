using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Sync.Sliding;

/// <summary>A room of a user, as far as lists look at it. Immutable: a change replaces it.</summary>
internal sealed record RoomEntry
{
    public required string RoomId { get; init; }

    /// <summary>The room's number; null if the user knows it only by an invite or knock.</summary>
    public required RoomNid? Nid { get; init; }

    public required Membership Membership { get; init; }

    /// <summary>The user's member event; none if the user knows the room only by an invite or knock.</summary>
    public EventNid Member { get; init; }

    /// <summary>The position at which the membership began.</summary>
    public required long Since { get; init; }

    /// <summary>The position of the last activity, by which lists are ordered.</summary>
    public required long Activity { get; init; }

    /// <summary>
    /// Whether lists have it. Rooms that the user left by themselves are sent only to connections that have them.
    /// </summary>
    public required bool IsListed { get; init; }

    /// <summary>
    /// Whether the user forgot it after leaving: only connections that have the room are sent the departure.
    /// </summary>
    public bool IsForgotten { get; init; }

    public bool IsDirect { get; init; }

    public IReadOnlyCollection<string> Tags { get; init; } = [];

    /// <summary>
    /// The position of the last change of its account data, as far as the user's stream may not have it.
    /// </summary>
    public long AccountData { get; init; }

    /// <summary>An invite or knock of a room of other servers.</summary>
    public StrippedRoomRow? Stripped { get; init; }

    /// <summary>Whether the type and the encryption were read.</summary>
    public bool KnowsState { get; init; }

    public bool? IsEncrypted { get; init; }

    public bool KnowsType { get; init; }

    public string? RoomType { get; init; }

    public FilteredRoom ForFilter => new(
        IsDirect, Membership == Membership.Invite, IsEncrypted, KnowsType, RoomType, Tags);
}

/// <summary>The latest rooms come first.</summary>
internal sealed class ByActivity : IComparer<RoomEntry>
{
    public static ByActivity Order { get; } = new();

    public int Compare(RoomEntry? x, RoomEntry? y)
    {
        var later = y!.Activity.CompareTo(x!.Activity);
        return later != 0 ? later : string.CompareOrdinal(x.RoomId, y.RoomId);
    }
}
