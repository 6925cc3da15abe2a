namespace Matrix.Host.Rooms.Joining;

/// <summary>Lets one join through other servers run for each room; others of the room wait.</summary>
internal sealed class JoinTurns(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Turn> _turns = [];

    /// <summary>
    /// Waits until no join of the room runs, for a bounded time; null after it. Disposing the result lets the next one
    /// run.
    /// </summary>
    internal async ValueTask<IDisposable?> TryEnterAsync(string roomId, TimeSpan patience, CancellationToken stop)
    {
        using var clock = new CancellationTokenSource(patience, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        try
        {
            return await EnterAsync(roomId, both.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Waits until no join of the room runs. Disposing the result lets the next one run.</summary>
    internal async ValueTask<IDisposable> EnterAsync(string roomId, CancellationToken stop)
    {
        Turn? turn;
        lock (_lock)
        {
            if (!_turns.TryGetValue(roomId, out turn)) _turns.Add(roomId, turn = new Turn());
            turn.Users++;
        }

        try
        {
            await turn.Open.WaitAsync(stop);
        }
        catch
        {
            Leave(roomId, turn);
            throw;
        }

        return new Held(this, roomId, turn);
    }

    private void Leave(string roomId, Turn turn)
    {
        lock (_lock)
        {
            if (--turn.Users > 0) return;
            _turns.Remove(roomId);
        }

        turn.Open.Dispose();
    }

    private sealed class Turn
    {
        public SemaphoreSlim Open { get; } = new(1, 1);

        public int Users { get; set; }
    }

    private sealed class Held(JoinTurns turns, string roomId, Turn turn) : IDisposable
    {
        public void Dispose()
        {
            turn.Open.Release();
            turns.Leave(roomId, turn);
        }
    }
}
