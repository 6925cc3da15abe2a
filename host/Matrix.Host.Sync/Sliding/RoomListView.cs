using Matrix.Core.Sync;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// The rooms of a user that pass a filter, in order. A change of a room costs the logarithm of their number. Guarded by
/// the gate of <see cref="UserRooms"/>.
/// </summary>
internal sealed class RoomListView(RoomListFilter filter)
{
    private static long _versions;

    private readonly SortedSet<RoomEntry> _rooms = new(ByActivity.Order);

    public RoomListFilter Filter => filter;

    /// <summary>The rooms of the filter's spaces; null if the filter has none.</summary>
    public IReadOnlySet<string>? OfSpaces { get; init; }

    /// <summary>
    /// Changes when a room may have come into a window though nothing changed in it: when another one left the list or
    /// moved down.
    /// </summary>
    public long Version { get; private set; } = Interlocked.Increment(ref _versions);

    /// <summary>Changes with every change of the order.</summary>
    public long OrderVersion { get; private set; } = Interlocked.Increment(ref _versions);

    public int Count => _rooms.Count;

    /// <summary>Estimated bytes of memory.</summary>
    public long Bytes => 400 + (60L * Count) + (4L * filter.Size) + (200L * (OfSpaces?.Count ?? 0));

    /// <summary>The last use, as a count of all uses.</summary>
    public long UsedAt { get; set; }

    public bool Contains(RoomEntry room) => _rooms.Contains(room);

    /// <summary>A room was added or replaced by another form of itself; either may be null.</summary>
    public void Replace(RoomEntry? before, RoomEntry? after)
    {
        var removed = before is not null && _rooms.Remove(before);
        var added = after is not null && Admits(after) && _rooms.Add(after);
        var isBehind = added && removed && after!.Activity < before!.Activity;
        if (added != removed || (added && after!.Activity != before!.Activity))
        {
            OrderVersion = Interlocked.Increment(ref _versions);
        }

        if ((removed && !added) || isBehind || (added && !removed)) Version = Interlocked.Increment(ref _versions);
    }

    /// <summary>The rooms in these ranges, both ends included.</summary>
    public List<RoomEntry> In(IReadOnlyList<(int First, int Last)> ranges)
    {
        var found = new List<RoomEntry>();
        var at = 0;
        var range = 0;
        foreach (var room in _rooms)
        {
            while (range < ranges.Count && at > ranges[range].Last) range++;
            if (range == ranges.Count) break;
            if (at >= ranges[range].First) found.Add(room);
            at++;
        }

        return found;
    }

    /// <summary>
    /// The version of the rooms in these ranges: while it is the same, a room comes into them only by a change of its
    /// own. A room that moves to the top pushes others into ranges that begin below it.
    /// </summary>
    public long VersionIn(IReadOnlyList<(int First, int Last)> ranges) =>
        ranges.Count == 1 && ranges[0].First == 0 ? Version : OrderVersion;

    /// <summary>Whether the ranges have all rooms.</summary>
    public bool IsWhole(IReadOnlyList<(int First, int Last)> ranges) =>
        ranges.Count > 0 && ranges[0].First == 0 && ranges[0].Last >= Count - 1;

    private bool Admits(RoomEntry room) =>
        room.IsListed
        && (OfSpaces is null || OfSpaces.Contains(room.RoomId))
        && filter.Admits(room.ForFilter);
}
