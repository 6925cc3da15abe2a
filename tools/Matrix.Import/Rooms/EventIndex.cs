using System.Runtime.InteropServices;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Import.Rooms;

/// <summary>
/// What is remembered of each event of a room while the room is imported, by a place from 0: about 60 bytes for each.
/// </summary>
internal sealed class EventIndex
{
    private const byte MembershipBits = 7;

    private readonly Dictionary<UInt128, int> _byId;
    private readonly List<long> _stream;
    private readonly List<long> _depth;
    private readonly List<EventKind> _kind;
    private readonly List<byte> _marks;
    private readonly List<uint> _ordinal;
    private readonly List<int> _step;
    private readonly Dictionary<int, uint> _threadRoots = [];

    public EventIndex(int capacity)
    {
        _byId = new Dictionary<UInt128, int>(capacity);
        _stream = new List<long>(capacity);
        _depth = new List<long>(capacity);
        _kind = new List<EventKind>(capacity);
        _marks = new List<byte>(capacity);
        _ordinal = new List<uint>(capacity);
        _step = new List<int>(capacity);
    }

    /// <summary>How many events there are.</summary>
    public int Count => _stream.Count;

    /// <summary>Adds an event. False if its id is known already.</summary>
    public bool Add(string eventId, long stream, long depth, EventKind kind)
    {
        if (!_byId.TryAdd(EventKeys.Of(eventId), Count)) return false;
        _stream.Add(stream);
        _depth.Add(depth);
        _kind.Add(kind);
        _marks.Add(0);
        _ordinal.Add(0);
        _step.Add(0);
        return true;
    }

    /// <summary>The place of an event; -1 if it is not here, or was left out.</summary>
    public int Find(string eventId) =>
        _byId.TryGetValue(EventKeys.Of(eventId), out var at) && !Is(at, EventTraits.LeftOut) ? at : -1;

    /// <summary>Synapse's `stream_ordering`.</summary>
    public long Stream(int at) => _stream[at];

    public long Depth(int at) => _depth[at];

    public EventKind Kind(int at) => _kind[at];

    /// <summary>Its ordinal in the room.</summary>
    public uint Ordinal(int at) => _ordinal[at];

    public void Number(int at, uint ordinal) => _ordinal[at] = ordinal;

    /// <summary>The step of the state after it; 0 if it is not known yet, or has none.</summary>
    public int Step(int at) => _step[at];

    public void SetStep(int at, int step) => _step[at] = step;

    public bool Is(int at, EventTraits trait) => (_marks[at] & (byte)trait) != 0;

    public void Set(int at, EventTraits trait) => CollectionsMarshal.AsSpan(_marks)[at] |= (byte)trait;

    /// <summary>The membership that it gives, if it is a member event.</summary>
    public Membership? MembershipOf(int at) =>
        (_marks[at] & MembershipBits) is > 0 and var value ? (Membership)value : null;

    public void SetMembership(int at, Membership membership) =>
        CollectionsMarshal.AsSpan(_marks)[at] |= (byte)membership;

    /// <summary>The number of its thread's root; none if it is in no thread.</summary>
    public EventNid ThreadRoot(RoomNid room, int at) =>
        _threadRoots.TryGetValue(at, out var ordinal) ? EventNid.Of(room, ordinal) : EventNid.None;

    public void SetThreadRoot(int at, EventNid root)
    {
        if (!root.IsNone) _threadRoots[at] = root.Ordinal;
    }
}

/// <summary>Where an event of Synapse's belongs.</summary>
internal enum EventKind : byte
{
    /// <summary>It came while this server was in the room.</summary>
    Live,

    /// <summary>It was fetched later.</summary>
    Backfilled,

    /// <summary>It has no place in the timeline.</summary>
    Outlier,
}

/// <summary>What later events need to know of one.</summary>
[Flags]
internal enum EventTraits : byte
{
    None = 0,

    /// <summary>It was rejected.</summary>
    Rejected = 8,

    /// <summary>It was soft-failed.</summary>
    SoftFailed = 16,

    /// <summary>A part of its history is missing here.</summary>
    OnTrust = 32,

    /// <summary>It could not be read, and is not in the target.</summary>
    LeftOut = 64,

    /// <summary>Its JSON was read.</summary>
    Read = 128,
}
