namespace Matrix.Host.Users.Presence;

/// <summary>
/// A timer wheel: users by the second at which their presence may change by itself. There is one timer for all of them.
/// To add, move or remove a user costs the same however many there are. Guarded by the lock of
/// <see cref="PresenceBoard"/>.
/// </summary>
internal sealed class PresenceWheel
{
    /// <summary>Milliseconds of a slot.</summary>
    internal const long SlotTime = 250;

    /// <summary>The wheel turns in 34 minutes; what is due later stays for another turn.</summary>
    private const int Slots = 8192;

    private readonly LinkedList<PresenceEntry>?[] _slots = new LinkedList<PresenceEntry>?[Slots];
    private int _count;
    private long _turnedTo = long.MinValue;

    /// <summary>Schedules a user, who is removed from an earlier place; the largest number for never.</summary>
    public void Schedule(PresenceEntry entry, long due, long now)
    {
        Remove(entry);
        if (due == long.MaxValue) return;
        if (_count == 0 || _turnedTo == long.MinValue) _turnedTo = SlotOf(now) - 1;
        entry.Due = due;

        // Rounded up, so that it is due when its slot is.
        var slot = Math.Max(SlotOf(due + SlotTime - 1), _turnedTo + 1);
        entry.Slot = (int)(slot % Slots);
        entry.InWheel ??= new LinkedListNode<PresenceEntry>(entry);
        (_slots[entry.Slot] ??= new()).AddLast(entry.InWheel);
        _count++;
    }

    /// <summary>Takes the users out who are due.</summary>
    public void TakeDue(long now, List<PresenceEntry> due)
    {
        if (_count == 0) return;
        var last = SlotOf(now);
        var first = Math.Max(_turnedTo + 1, last - Slots + 1);
        for (var slot = first; slot <= last; slot++)
        {
            for (var node = _slots[slot % Slots]?.First; node is not null;)
            {
                var entry = node.Value;
                node = node.Next;
                if (entry.Due > now) continue;
                Remove(entry);
                due.Add(entry);
            }
        }

        _turnedTo = Math.Max(_turnedTo, last);
    }

    /// <summary>The time of the next slot with users; the largest number if there is none.</summary>
    public long Next
    {
        get
        {
            if (_count == 0) return long.MaxValue;
            for (var slot = _turnedTo + 1; slot <= _turnedTo + Slots; slot++)
            {
                if (_slots[slot % Slots] is { Count: > 0 }) return slot * SlotTime;
            }

            return long.MaxValue;
        }
    }

    private void Remove(PresenceEntry entry)
    {
        if (entry.Slot < 0) return;
        _slots[entry.Slot]!.Remove(entry.InWheel!);
        entry.Slot = -1;
        entry.Due = long.MaxValue;
        _count--;
    }

    private static long SlotOf(long time) => time / SlotTime;
}
