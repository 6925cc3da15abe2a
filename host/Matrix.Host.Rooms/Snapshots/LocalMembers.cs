namespace Matrix.Host.Rooms.Snapshots;

/// <summary>The local users who are joined to a room. Immutable.</summary>
public sealed class LocalMembers
{
    private readonly HashSet<string> _joined;

    private LocalMembers(HashSet<string> joined, string[] all)
    {
        _joined = joined;
        Joined = all;
    }

    /// <summary>Nobody.</summary>
    public static LocalMembers None { get; } = new([], []);

    /// <summary>The joined users, in no order.</summary>
    public IReadOnlyList<string> Joined { get; }

    /// <summary>These users.</summary>
    public static LocalMembers Of(IEnumerable<string> joined)
    {
        var set = new HashSet<string>(joined, StringComparer.Ordinal);
        return set.Count == 0 ? None : new LocalMembers(set, [.. set]);
    }

    /// <summary>Whether a user is joined.</summary>
    public bool IsJoined(string userId) => _joined.Contains(userId);

    /// <summary>These members with one user joined, or not joined.</summary>
    public LocalMembers With(string userId, bool joined) =>
        IsJoined(userId) == joined ? this : Of(joined ? Joined.Append(userId) : Joined.Where(user => user != userId));
}
