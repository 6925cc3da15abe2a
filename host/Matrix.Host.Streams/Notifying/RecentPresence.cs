namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// The users whose presence changed lately and who share a room with a user. Guarded by the lock of the user's stream.
/// </summary>
internal sealed class RecentPresence
{
    private Queue<(long Ephemeral, string UserId)>? _changes;
    private long _knownAfter = long.MaxValue;

    /// <summary>All changes after this ephemeral counter are added.</summary>
    public void KnowsAfter(long ephemeral) => _knownAfter = ephemeral;

    /// <summary>Adds a change. The oldest one is forgotten if there are too many.</summary>
    public void Add(string userId, long ephemeral, int capacity)
    {
        _changes ??= new();
        _changes.Enqueue((ephemeral, userId));
        if (_changes.Count <= capacity) return;
        var forgotten = _changes.Dequeue().Ephemeral;
        if (_knownAfter != long.MaxValue) _knownAfter = Math.Max(_knownAfter, forgotten);
    }

    /// <summary>The users with changes between two counters; false if not all of them are remembered.</summary>
    public bool TryCollect(long after, long through, HashSet<string> users)
    {
        if (after < _knownAfter) return false;
        foreach (var (ephemeral, userId) in _changes ?? [])
        {
            if (ephemeral > after && ephemeral <= through) users.Add(userId);
        }

        return true;
    }
}
