namespace Matrix.Host.Rooms.Summaries;

/// <summary>A place in the tree of a space.</summary>
/// <param name="Count">The number of rooms before it.</param>
/// <param name="LastRoomId">The last room before it; null if it is not known.</param>
public sealed record HierarchyPlace(int Count, string? LastRoomId)
{
    /// <summary>The place before the root.</summary>
    public static HierarchyPlace Start { get; } = new(0, null);
}

/// <summary>
/// Gathers the rooms of a tree that come after a place. The tree may have changed since the place was made, or have
/// other rooms because a server answers that did not before: what counts is the last room before the place. If the tree
/// has it no more, rooms are counted.
/// </summary>
/// <param name="from">The place.</param>
/// <param name="limit">The most rooms.</param>
/// <param name="mostBytes">The bytes of rooms after which the part ends.</param>
internal sealed class HierarchyPart(HierarchyPlace from, int limit, int mostBytes)
{
    private readonly List<HierarchyRoom> _rooms = [];
    private int _before = from.Count;
    private int _met;
    private bool _isFound;
    private bool _hasMore;
    private long _bytes;

    /// <summary>The rooms, and where the tree goes on.</summary>
    public HierarchyPage Page => new(
        _rooms,
        _hasMore ? new HierarchyPlace(_before + _rooms.Count, _rooms[^1].Summary.RoomId) : null);

    /// <summary>Takes the next room of the tree. Returns whether no further room is wanted.</summary>
    public bool IsFullWith(HierarchyRoom room)
    {
        _met++;
        if (!_isFound && room.Summary.RoomId == from.LastRoomId)
        {
            // Those that were counted came before the place after all.
            _rooms.Clear();
            _bytes = 0;
            (_isFound, _hasMore, _before) = (true, false, _met);
            return false;
        }

        if (!_isFound && _met <= from.Count) return false;
        if (_rooms.Count == limit || _bytes >= mostBytes)
        {
            _hasMore = true;
        }
        else
        {
            _rooms.Add(room);
            _bytes += room.Bytes;
        }

        return _hasMore && (_isFound || from.LastRoomId is null);
    }
}
