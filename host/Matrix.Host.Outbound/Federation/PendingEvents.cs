using Matrix.Host.Storage;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// The events of one room that a server has not got, in order. Beyond a number of them only the newest is owed: the
/// server fetches the others when it gets that one. Not thread-safe.
/// </summary>
internal sealed class PendingEvents(RoomNid room)
{
    private readonly List<(uint Ordinal, long Position)> _events = new(1);
    private bool _onlyNewest;

    internal RoomNid Room { get; } = room;

    internal int Count => _events.Count;

    internal bool IsEmpty => _events.Count == 0;

    /// <summary>The position of the batch that stored the oldest.</summary>
    internal long OldestPosition => _events[0].Position;

    internal EventNid Newest => EventNid.Of(Room, _events[^1].Ordinal);

    /// <summary>Whether the server has left the room: events that come later are not owed to it.</summary>
    internal bool HasLeft { get; set; }

    /// <summary>Whether the newest event was sent ahead of the others, after an outage.</summary>
    internal bool IsNewestSent { get; set; }

    /// <summary>Whether all are written down by a row that names the oldest ones and leaves the newest open.</summary>
    internal bool IsOpenRowEnough => _onlyNewest && !HasLeft;

    internal IEnumerable<uint> Ordinals => _events.Select(pending => pending.Ordinal);

    /// <summary>Adds an event, unless it is known: changes may be read twice. Beyond the bound only it stays.</summary>
    internal bool Add(uint ordinal, long position, int most)
    {
        if (_events.Count > 0 && ordinal <= _events[^1].Ordinal) return false;
        _events.Add((ordinal, position));
        KeepAtMost(_onlyNewest ? 1 : most);
        return true;
    }

    /// <summary>Keeps only the newest if there are more than this.</summary>
    internal void KeepAtMost(int most)
    {
        if (_events.Count <= most) return;
        _onlyNewest = true;
        _events.RemoveRange(0, _events.Count - 1);
    }

    /// <summary>Keeps only the newest, also of events that come later.</summary>
    internal void KeepNewest()
    {
        KeepAtMost(1);
        _onlyNewest = true;
    }

    /// <summary>Whether an event of this number is owed.</summary>
    internal bool Has(EventNid nid) => nid.Room == Room && _events.Exists(pending => pending.Ordinal == nid.Ordinal);

    /// <summary>Adds the oldest events to a transaction, without those that are deferred.</summary>
    internal void Take(List<EventNid> into, int most, IReadOnlyCollection<EventNid> deferred)
    {
        for (var i = 0; i < _events.Count && most > 0; i++)
        {
            var nid = EventNid.Of(Room, _events[i].Ordinal);
            if (deferred.Contains(nid)) continue;
            into.Add(nid);
            most--;
        }
    }

    /// <summary>Removes events that were sent, or are not sent any more.</summary>
    internal void Remove(IReadOnlySet<EventNid> sent)
    {
        _events.RemoveAll(pending => sent.Contains(EventNid.Of(Room, pending.Ordinal)));
        if (IsEmpty) _onlyNewest = false;
    }
}
