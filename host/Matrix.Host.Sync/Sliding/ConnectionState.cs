using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.Sliding;

/// <summary>What a connection was last sent of a room. Immutable.</summary>
internal sealed record SentRoom
{
    /// <summary>The last event of the timeline that was sent, or could have been.</summary>
    public EventNid LastNid { get; init; }

    /// <summary>The state that was sent.</summary>
    public int Step { get; init; }

    /// <summary>The user's membership, and the position at which it began.</summary>
    public Membership Membership { get; init; }

    public long Since { get; init; }

    /// <summary>Whether the client has more than the stripped state.</summary>
    public bool IsFull { get; init; }

    public int TimelineLimit { get; init; }

    public RequiredState RequiredState { get; init; } = RequiredState.Nothing;

    public bool IsDirect { get; init; }

    public int Notifications { get; init; }

    public int Highlights { get; init; }

    /// <summary>The position as of which the notifications were counted; 0 if they were not.</summary>
    public long Counted { get; init; }

    /// <summary>The position up to which receipts were sent; 0 if none were.</summary>
    public long Receipts { get; init; }

    /// <summary>The position up to which the room's account data was sent; 0 if none was.</summary>
    public long AccountData { get; init; }

    /// <summary>A hash of the typing users that the client knows of; 0 if there are none.</summary>
    public long Typing { get; init; }
}

/// <summary>A list as it was last answered.</summary>
/// <param name="Hash">Equal for equal requests.</param>
/// <param name="Version">The version of the rooms that belong to it: while it is the same, a room comes into the list's
/// window only by a change of its own.</param>
internal readonly record struct SentList(string Hash, long Version);

/// <summary>What a response changes in the state of its connection, once the client is known to have it.</summary>
internal sealed class PendingAnswer
{
    public required SlidingPos Pos { get; init; }

    /// <summary>The rooms that were sent.</summary>
    public Dictionary<string, SentRoom> Rooms { get; } = new(StringComparer.Ordinal);

    /// <summary>The lists, all of them.</summary>
    public Dictionary<string, SentList> Lists { get; } = new(StringComparer.Ordinal);

    /// <summary>A hash of the subscriptions and the extensions' settings.</summary>
    public string Settings { get; set; } = "";

    /// <summary>
    /// How far extensions were sent, in all rooms together: a position by the extension's name. Begins with what the
    /// client has.
    /// </summary>
    public required Dictionary<string, long> Positions { get; init; }

    /// <summary>Whether rooms were left out, because the response had enough.</summary>
    public bool IsCut { get; set; }

    /// <summary>The member events that were sent.</summary>
    public List<KeyValuePair<(string RoomId, string UserId), EventNid>> Members { get; init; } = [];

    /// <summary>Estimated bytes of memory, beside the rules that the client's state has.</summary>
    public long BytesBeside(ConnectionState state) =>
        ConnectionState.BytesOf(Rooms.Count, Members.Count, Lists)
        + Rooms.Values.Select(static room => room.RequiredState)
            .Distinct<RequiredState>(ReferenceEqualityComparer.Instance)
            .Where(rules => !state.Has(rules))
            .Sum(ConnectionState.BytesOf);
}

/// <summary>What the client of a connection has.</summary>
internal sealed class ConnectionState
{
    /// <summary>The most member events that are remembered. When full, all are forgotten, and sent again.</summary>
    private const int MostMembers = 4096;

    /// <summary>The rules of required state that are kept without a look whether rooms still have them.</summary>
    private const int UsualRules = 64;

    private readonly Dictionary<string, RequiredState> _rules = new(StringComparer.Ordinal);
    private int _mostRules = UsualRules;
    private long _ruleBytes;

    /// <summary>The last response that the client has; null before it has one.</summary>
    public SlidingPos? Pos { get; set; }

    public Dictionary<string, SentRoom> Rooms { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, SentList> Lists { get; set; } = new(StringComparer.Ordinal);

    public string Settings { get; set; } = "";

    /// <summary>How far extensions were sent; an extension that was never sent has no position.</summary>
    public Dictionary<string, long> Positions { get; private set; } = new(StringComparer.Ordinal);

    public bool IsCut { get; set; }

    /// <summary>The member events that the client has of lazily loaded members.</summary>
    public Dictionary<(string RoomId, string UserId), EventNid> Members { get; } = [];

    /// <summary>The client has a response.</summary>
    public void Apply(PendingAnswer answer)
    {
        Pos = answer.Pos;
        foreach (var (roomId, room) in answer.Rooms)
        {
            var rules = Shared(room.RequiredState);
            Rooms[roomId] = ReferenceEquals(rules, room.RequiredState) ? room : room with { RequiredState = rules };
        }

        Lists = answer.Lists;
        Settings = answer.Settings;
        Positions = answer.Positions;
        IsCut = answer.IsCut;
        foreach (var (key, nid) in answer.Members)
        {
            if (Members.Count >= MostMembers) Members.Clear();
            Members[key] = nid;
        }
    }

    /// <summary>Estimated bytes of memory.</summary>
    public long Bytes => _ruleBytes + BytesOf(Rooms.Count, Members.Count, Lists);

    /// <summary>Whether these rules are counted in its bytes.</summary>
    public bool Has(RequiredState rules) =>
        _rules.TryGetValue(rules.Text, out var known) && ReferenceEquals(known, rules);

    /// <summary>Estimated bytes of rules of required state.</summary>
    public static long BytesOf(RequiredState rules) => 200 + (4L * rules.Text.Length);

    /// <summary>Estimated bytes of rooms, member events and lists.</summary>
    public static long BytesOf(int rooms, int members, Dictionary<string, SentList> lists) =>
        (200L * rooms)
        + (120L * members)
        + lists.Sum(static list => 120 + (2L * (list.Key.Length + list.Value.Hash.Length)));

    /// <summary>Drops the rules that no room has.</summary>
    private void DropUnused()
    {
        _rules.Clear();
        foreach (var room in Rooms.Values) _rules[room.RequiredState.Text] = room.RequiredState;
        _ruleBytes = _rules.Values.Sum(BytesOf);

        // The next look is due when there are twice as many.
        _mostRules = Math.Max(UsualRules, 2 * _rules.Count);
    }

    /// <summary>One object for equal rules: each request brings its own.</summary>
    private RequiredState Shared(RequiredState rules)
    {
        if (_rules.TryGetValue(rules.Text, out var known)) return known;
        if (_rules.Count >= _mostRules) DropUnused();
        _ruleBytes += BytesOf(rules);
        return _rules[rules.Text] = rules;
    }
}
