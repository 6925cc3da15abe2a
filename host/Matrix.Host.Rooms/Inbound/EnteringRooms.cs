namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Rooms that local users are joining through other servers. Their first events may come before the room is known here:
/// they wait. The joins are in the shard of the room (<see cref="Joining.RemoteJoins"/>), so that none is left when it
/// closes.
/// </summary>
public sealed class EnteringRooms(RoomsOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Joins> _entering = [];

    /// <summary>A join is about to be accepted. It ends when the result is disposed.</summary>
    internal IDisposable Begin(string roomId)
    {
        lock (_lock)
        {
            if (!_entering.TryGetValue(roomId, out var joins)) _entering.Add(roomId, joins = new Joins());
            joins.Count++;
        }

        return new Entering(this, roomId);
    }

    /// <summary>The room is here: its events wait for no other join of it.</summary>
    internal void Arrived(string roomId)
    {
        lock (_lock)
        {
            if (_entering.TryGetValue(roomId, out var joins)) joins.Ended.TrySetResult();
        }
    }

    /// <summary>Waits until no join of the room is about to be accepted, within the configured time.</summary>
    internal ValueTask EndedAsync(string roomId, CancellationToken stop)
    {
        lock (_lock)
        {
            if (!_entering.TryGetValue(roomId, out var joins)) return ValueTask.CompletedTask;
            return WaitAsync(joins.Ended.Task, stop);
        }
    }

    private async ValueTask WaitAsync(Task ended, CancellationToken stop)
    {
        try
        {
            await ended.WaitAsync(options.JoinDecisionTime, time, stop);
        }
        catch (TimeoutException)
        {
            // The events get an error, and their server sends them again or is asked for them.
        }
    }

    private void End(string roomId)
    {
        Joins joins;
        lock (_lock)
        {
            joins = _entering[roomId];
            if (--joins.Count > 0) return;
            _entering.Remove(roomId);
        }

        joins.Ended.TrySetResult();
    }

    /// <summary>The joins of a room that are about to be accepted.</summary>
    private sealed class Joins
    {
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Count { get; set; }
    }

    private sealed class Entering(EnteringRooms rooms, string roomId) : IDisposable
    {
        public void Dispose() => rooms.End(roomId);
    }
}
