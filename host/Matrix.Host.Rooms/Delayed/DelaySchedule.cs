using Matrix.Host.Storage.Tables.DelayedEvents;

namespace Matrix.Host.Rooms.Delayed;

/// <summary>The delayed events that wait, by id, time, request and state. Thread-safe.</summary>
internal sealed class DelaySchedule(DelayOptions options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, WaitingEvent> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<UInt128, WaitingEvent> _byRequest = [];
    private readonly Dictionary<string, int> _ofUser = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Room, string Type, string Key), List<WaitingEvent>> _states = [];
    private readonly SortedSet<(long Due, string Id)> _order = [];
    private int _stateCount;

    /// <summary>Whether state events wait. Read for each commit.</summary>
    internal bool HasStates => Volatile.Read(ref _stateCount) > 0;

    /// <summary>
    /// Adds an event that is not stored yet; or finds the one that the same request scheduled. Null if there are too
    /// many.
    /// </summary>
    internal WaitingEvent? Add(DelayedEventRow row, out bool isNew)
    {
        lock (_gate)
        {
            isNew = false;
            if (row.Request is { } request && _byRequest.TryGetValue(request, out var same)) return same;
            var ofUser = _ofUser.GetValueOrDefault(row.Sender.UserId);
            if (ofUser >= options.MaxOfUser || _byId.Count >= options.MaxAll) return null;
            isNew = true;
            return Enter(row, ofUser);
        }
    }

    /// <summary>Adds one that was read from the database, whatever the bounds are now.</summary>
    internal void Restore(DelayedEventRow row)
    {
        lock (_gate)
        {
            if (_byId.ContainsKey(row.DelayId)) return;
            var waiting = Enter(row, _ofUser.GetValueOrDefault(row.Sender.UserId));
            waiting.Stored.SetResult(true);
            Wait(waiting);
        }
    }

    /// <summary>It is stored at a position: it waits until it is due.</summary>
    internal void Store(WaitingEvent waiting, long position)
    {
        lock (_gate)
        {
            waiting.Position = position;
            Wait(waiting);
        }
    }

    /// <summary>Its attempt is to be repeated: it waits until it is due.</summary>
    internal void WaitFor(WaitingEvent waiting, long due)
    {
        lock (_gate)
        {
            waiting.Due = due;
            Wait(waiting);
        }
    }

    /// <summary>The room of an event in memory; null if none has this id.</summary>
    internal string? RoomOf(string delayId)
    {
        lock (_gate) return _byId.GetValueOrDefault(delayId)?.Row.RoomId;
    }

    /// <summary>Forgets the events of rooms: another node has them.</summary>
    internal void Drop(Func<string, bool> isOfRoom)
    {
        lock (_gate)
        {
            foreach (var waiting in _byId.Values.Where(each => isOfRoom(each.Row.RoomId)).ToArray()) Forget(waiting);
        }
    }

    /// <summary>Takes one that waits, to send or cancel it; null if none has this id, or it is being ended.</summary>
    internal WaitingEvent? Take(string delayId)
    {
        lock (_gate)
        {
            return _byId.TryGetValue(delayId, out var waiting) && Claim(waiting) ? waiting : null;
        }
    }

    /// <summary>One that waits or is being sent; null if none has this id.</summary>
    internal WaitingEvent? Find(string delayId, out bool isTaken)
    {
        lock (_gate)
        {
            isTaken = _byId.TryGetValue(delayId, out var waiting)
                && waiting.Phase != DelayPhase.Storing
                && Claim(waiting);
            return waiting is { Phase: DelayPhase.Ending } ? waiting : null;
        }
    }

    /// <summary>Begins the delay of one anew; null if none waits under this id.</summary>
    internal WaitingEvent? Restart(string delayId, long now)
    {
        lock (_gate)
        {
            if (!_byId.TryGetValue(delayId, out var waiting) || waiting.Phase != DelayPhase.Waiting) return null;
            _order.Remove((waiting.Due, delayId));
            waiting.Due = now + waiting.Row.Delay;
            _order.Add((waiting.Due, delayId));
            return waiting;
        }
    }

    /// <summary>Takes the next that is due; null if none is.</summary>
    /// <param name="now">Milliseconds since the epoch.</param>
    /// <param name="next">When the next one is due; null if none waits.</param>
    internal WaitingEvent? TakeDue(long now, out long? next)
    {
        lock (_gate)
        {
            next = _order.Count == 0 ? null : _order.Min.Due;
            if (next is not { } due || due > now) return null;
            var waiting = _byId[_order.Min.Id];
            Claim(waiting);
            return waiting;
        }
    }

    /// <summary>
    /// Takes the state events that others scheduled, before a position, for a place that a state event took at it.
    /// </summary>
    internal IReadOnlyList<WaitingEvent> TakeReplaced(
        string roomId, string type, string stateKey, string sender, long position)
    {
        lock (_gate)
        {
            if (!_states.TryGetValue((roomId, type, stateKey), out var there)) return [];
            List<WaitingEvent> replaced = [];
            foreach (var waiting in there)
            {
                if (waiting.Row.Sender.UserId == sender || waiting.Position >= position || !Claim(waiting)) continue;
                waiting.IsReplaced = true;
                replaced.Add(waiting);
            }

            return replaced;
        }
    }

    /// <summary>The rooms in which events wait.</summary>
    internal IReadOnlyList<string> Rooms
    {
        get
        {
            lock (_gate) return [.. _byId.Values.Select(static waiting => waiting.Row.RoomId).Distinct()];
        }
    }

    /// <summary>Takes all that wait in a room.</summary>
    internal IReadOnlyList<WaitingEvent> TakeOfRoom(string roomId)
    {
        lock (_gate) return [.. _byId.Values.Where(waiting => waiting.Row.RoomId == roomId && Claim(waiting))];
    }

    /// <summary>Forgets one that was sent, cancelled or not stored.</summary>
    internal void Remove(WaitingEvent waiting)
    {
        lock (_gate) Forget(waiting);
    }

    private void Forget(WaitingEvent waiting)
    {
        var row = waiting.Row;
        _order.Remove((waiting.Due, row.DelayId));
        if (!_byId.Remove(row.DelayId)) return;
        if (row.Request is { } request) _byRequest.Remove(request);
        var left = _ofUser[row.Sender.UserId] - 1;
        if (left == 0) _ofUser.Remove(row.Sender.UserId);
        else _ofUser[row.Sender.UserId] = left;
        if (PlaceOf(row) is not { } place) return;
        var there = _states[place];
        there.Remove(waiting);
        if (there.Count == 0) _states.Remove(place);
        Volatile.Write(ref _stateCount, _stateCount - 1);
    }

    private static (string Room, string Type, string Key)? PlaceOf(DelayedEventRow row) =>
        row.StateKey is { } key ? (row.RoomId, row.Type, key) : null;

    private WaitingEvent Enter(DelayedEventRow row, int ofUser)
    {
        var waiting = new WaitingEvent(row);
        _byId.Add(row.DelayId, waiting);
        if (row.Request is { } request) _byRequest[request] = waiting;
        _ofUser[row.Sender.UserId] = ofUser + 1;
        if (PlaceOf(row) is { } place)
        {
            if (!_states.TryGetValue(place, out var there)) _states.Add(place, there = []);
            there.Add(waiting);
            Volatile.Write(ref _stateCount, _stateCount + 1);
        }

        return waiting;
    }

    private void Wait(WaitingEvent waiting)
    {
        waiting.Phase = DelayPhase.Waiting;
        _order.Add((waiting.Due, waiting.Row.DelayId));
    }

    private bool Claim(WaitingEvent waiting)
    {
        if (waiting.Phase != DelayPhase.Waiting) return false;
        waiting.Phase = DelayPhase.Ending;
        _order.Remove((waiting.Due, waiting.Row.DelayId));
        return true;
    }
}
