using System.Collections.Concurrent;
using Matrix.Core.Sync;
using Matrix.Host.Storage;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// A user's rooms in memory, with the lists that the user's connections ask for. Shared by these connections; guarded
/// by its gate.
/// </summary>
internal sealed class UserRooms(string userId)
{
    /// <summary>The most forgotten rooms that wait.</summary>
    private const int MostForgotten = 64;

    private readonly Dictionary<string, RoomEntry> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<RoomNid, string> _byNid = [];
    private readonly Dictionary<string, RoomListView> _views = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<ForgottenRoom> _forgotten = new();
    private long _uses;
    private int _isStale = 1;

    public string UserId => userId;

    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>Every change up to this position was applied.</summary>
    public long Through { get; set; }

    /// <summary>The position of the last change that may have made a room direct, or ended that.</summary>
    public long DirectChanged { get; set; }

    /// <summary>Whether it must be read again. Set from any thread.</summary>
    public bool IsStale
    {
        get => Volatile.Read(ref _isStale) != 0;
        set => Volatile.Write(ref _isStale, value ? 1 : 0);
    }

    /// <summary>Estimated bytes of memory.</summary>
    public long Bytes => 500 + (400L * _byId.Count) + _views.Values.Sum(static view => view.Bytes);

    /// <summary>The bytes that it counts for in the cache.</summary>
    public long CountedBytes { get; set; }

    /// <summary>The lists in memory, by their filters.</summary>
    public IReadOnlyCollection<RoomListView> Views => _views.Values;

    /// <summary>
    /// A room was forgotten. Beyond a bound of them all rooms are read again. Called from any thread.
    /// </summary>
    public void Forget(ForgottenRoom room)
    {
        if (_forgotten.Count < MostForgotten) _forgotten.Enqueue(room);
        else IsStale = true;
    }

    /// <summary>A room that was forgotten since the last call; null for none.</summary>
    public ForgottenRoom? TakeForgotten() => _forgotten.TryDequeue(out var room) ? room : null;

    public IReadOnlyCollection<RoomEntry> All => _byId.Values;

    public bool AnyViewLooksAtState => _views.Values.Any(static view => view.Filter.LooksAtState);

    public RoomEntry? Find(string roomId) => _byId.GetValueOrDefault(roomId);

    public RoomEntry? Find(RoomNid room) => _byNid.TryGetValue(room, out var roomId) ? Find(roomId) : null;

    /// <summary>Forgets all rooms and lists.</summary>
    public void Clear()
    {
        _byId.Clear();
        _byNid.Clear();
        _views.Clear();
    }

    /// <summary>Adds a room, or replaces it.</summary>
    public void Put(RoomEntry room)
    {
        var before = Find(room.RoomId);
        _byId[room.RoomId] = room;
        if (room.Nid is { } nid) _byNid[nid] = room.RoomId;
        foreach (var view in _views.Values) view.Replace(before, room);
    }

    /// <summary>Removes a room.</summary>
    public void Remove(RoomEntry room)
    {
        if (!_byId.Remove(room.RoomId)) return;
        if (room.Nid is { } nid) _byNid.Remove(nid);
        foreach (var view in _views.Values) view.Replace(room, null);
    }

    /// <summary>The list of a filter, if it is in memory.</summary>
    public RoomListView? View(RoomListFilter filter)
    {
        var view = _views.GetValueOrDefault(filter.Hash);
        if (view is not null) view.UsedAt = ++_uses;
        return view;
    }

    /// <summary>Adds a list. Beyond the bound the one that was used longest ago is dropped.</summary>
    public RoomListView Add(RoomListView view, int most)
    {
        if (_views.Count >= most) _views.Remove(_views.MinBy(static each => each.Value.UsedAt).Key);
        foreach (var room in _byId.Values) view.Replace(null, room);
        view.UsedAt = ++_uses;
        _views[view.Filter.Hash] = view;
        return view;
    }

    /// <summary>Drops the lists of rooms of a space, whose children may have changed.</summary>
    public void SpaceChanged(string roomId)
    {
        foreach (var (hash, view) in _views)
        {
            if (view.Filter.Spaces?.Contains(roomId) == true) _views.Remove(hash);
        }
    }
}

/// <summary>A room that its user forgot: by its number, or by its id if this server does not know it.</summary>
internal readonly record struct ForgottenRoom(RoomNid? Nid, string? RoomId);
