namespace Matrix.Host.Rooms.Joining;

/// <summary>Lets one join through other servers run for each room; others of the room wait.</summary>
internal sealed class JoinTurns(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Gate> _gates = [];

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
        Gate? gate;
        lock (_lock)
        {
            if (!_gates.TryGetValue(roomId, out gate)) _gates.Add(roomId, gate = new Gate());
            gate.Users++;
        }

        try
        {
            await gate.Open.WaitAsync(stop);
        }
        catch
        {
            Leave(roomId, gate);
            throw;
        }

        return new Held(this, roomId, gate);
    }

    private void Leave(string roomId, Gate gate)
    {
        lock (_lock)
        {
            if (--gate.Users > 0) return;
            _gates.Remove(roomId);
        }

        gate.Open.Dispose();
    }

    private sealed class Gate
    {
        public SemaphoreSlim Open { get; } = new(1, 1);

        public int Users { get; set; }
    }

    private sealed class Held(JoinTurns gates, string roomId, Gate gate) : IDisposable
    {
        public void Dispose()
        {
            gate.Open.Release();
            gates.Leave(roomId, gate);
        }
    }
}
