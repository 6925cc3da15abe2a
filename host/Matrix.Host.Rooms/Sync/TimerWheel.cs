namespace Matrix.Host.Rooms.Sync;

/// <summary>Something that waits on the <see cref="TimerWheel"/>. It stands in one wheel at most.</summary>
public abstract class WheelEntry
{
    internal WheelEntry? Next;
    internal WheelEntry? Previous;
    internal long DueTick;
    internal int Slot = -1;

    /// <summary>The time is up. Called once, outside the wheel's lock, on the wheel's thread: it must be quick.</summary>
    protected internal abstract void Expired();
}

/// <summary>
/// One timer for all that time out: entries hang in slots by the tick at which they are due, so that adding and removing cost the same
/// however many wait. It ticks only while something waits.
/// </summary>
public sealed class TimerWheel : IDisposable
{
    /// <summary>How exact a time-out is.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(50);

    private const int Slots = 1024;

    private readonly Lock _gate = new();
    private readonly WheelEntry?[] _slots = new WheelEntry?[Slots];
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly ITimer _timer;
    private long _currentTick;
    private int _waiting;
    private bool _disposed;

    /// <summary>A wheel that nothing waits on yet.</summary>
    public TimerWheel(TimeProvider time)
    {
        _time = time;
        _origin = time.GetTimestamp();
        _timer = time.CreateTimer(static wheel => ((TimerWheel)wheel!).Turn(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How many entries wait.</summary>
    public int Waiting
    {
        get { lock (_gate) return _waiting; }
    }

    /// <summary>Lets an entry expire after a while, at the earliest; it must not be waiting already.</summary>
    public void Add(WheelEntry entry, TimeSpan after)
    {
        lock (_gate)
        {
            if (_disposed) return;
            if (_waiting == 0)
            {
                _currentTick = TickNow();
                _timer.Change(Tick, Tick);
            }

            long ticks = Math.Max(1, (after.Ticks + Tick.Ticks - 1) / Tick.Ticks);
            entry.DueTick = Math.Max(TickNow(), _currentTick) + ticks;
            entry.Slot = (int)(entry.DueTick % Slots);
            entry.Previous = null;
            entry.Next = _slots[entry.Slot];
            if (entry.Next is { } next) next.Previous = entry;
            _slots[entry.Slot] = entry;
            _waiting++;
        }
    }

    /// <summary>Takes an entry out; false if it does not wait (any more).</summary>
    public bool Remove(WheelEntry entry)
    {
        lock (_gate)
        {
            if (entry.Slot < 0) return false;
            Unlink(entry);
            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate) _disposed = true;
        _timer.Dispose();
    }

    private long TickNow() => _time.GetElapsedTime(_origin).Ticks / Tick.Ticks;

    /// <summary>Goes through the slots of the ticks that passed and expires what is due there.</summary>
    private void Turn()
    {
        WheelEntry? due = null;
        lock (_gate)
        {
            if (_disposed) return;
            long now = TickNow();

            // After a long pause (a suspended machine) every slot is looked at once, not once per missed tick.
            long first = Math.Max(_currentTick + 1, now - Slots + 1);
            for (long tick = first; tick <= now; tick++)
            {
                WheelEntry? entry = _slots[(int)(tick % Slots)];
                while (entry is not null)
                {
                    WheelEntry? next = entry.Next;
                    if (entry.DueTick <= now)
                    {
                        Unlink(entry);
                        entry.Next = due;
                        due = entry;
                    }

                    entry = next;
                }
            }

            _currentTick = now;
        }

        while (due is not null)
        {
            WheelEntry? next = due.Next;
            due.Next = null;
            due.Expired();
            due = next;
        }
    }

    private void Unlink(WheelEntry entry)
    {
        if (entry.Previous is { } previous) previous.Next = entry.Next;
        else _slots[entry.Slot] = entry.Next;
        if (entry.Next is { } next) next.Previous = entry.Previous;
        entry.Next = entry.Previous = null;
        entry.Slot = -1;
        if (--_waiting == 0) _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
