using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Outbound.Shards;

/// <summary>
/// Shards that come to a sender and go from it, in order, for the one task that handles its changes. Thread-safe.
/// </summary>
internal sealed class ShardMoves : IShardHolder
{
    private readonly Lock _gate = new();
    private readonly Queue<Move> _waiting = new();
    private bool _isEnded;

    /// <summary>Wakes the task.</summary>
    internal Action Wake { get; set; } = static () => { };

    /// <summary>Whether shards have come or are to go that were not handled yet.</summary>
    internal bool AreWaiting => Next() is not null;

    /// <summary>Called for shards that are open. If it throws, it is called again.</summary>
    internal Func<IReadOnlyCollection<int>, CancellationToken, ValueTask> Came { get; set; } =
        static (_, _) => ValueTask.CompletedTask;

    /// <summary>Called for shards that are closed. If it throws, they are not given away.</summary>
    internal Func<IReadOnlyCollection<int>, CancellationToken, ValueTask> Goes { get; set; } =
        static (_, _) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public void Opened(IReadOnlyCollection<int> shards)
    {
        lock (_gate)
        {
            if (_isEnded || shards.Count == 0) return;
            _waiting.Enqueue(new Move(shards, null));
        }

        Wake();
    }

    /// <inheritdoc/>
    public Task ClosingAsync(CancellationToken stop) => HandledAsync([], stop);

    /// <inheritdoc/>
    public Task ClosedAsync(IReadOnlyCollection<int> shards, CancellationToken stop) => HandledAsync(shards, stop);

    /// <summary>
    /// Handles what waits, up to shards that came: the changes that they have not had come first. If shards went before
    /// these are handled, again and again, no position would rise.
    /// </summary>
    internal async ValueTask HandleAsync(CancellationToken stop)
    {
        while (Next() is { } move)
        {
            if (move.Gone is not { } gone)
            {
                await Came(move.Shards, stop);
                Remove();
                Wake();
                return;
            }

            try
            {
                if (move.Shards.Count > 0) await Goes(move.Shards, stop);
                gone.TrySetResult();
            }
#pragma warning disable CA1031 // Whoever gives the shards gets it.
            catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                gone.TrySetException(fault);
            }

            Remove();
        }
    }

    /// <summary>The sender has stopped, and has written everything: nothing more is handled.</summary>
    internal void End()
    {
        lock (_gate)
        {
            _isEnded = true;
            while (_waiting.TryDequeue(out var move)) move.Gone?.TrySetResult();
        }
    }

    /// <summary>Waits until shards have gone; of none, until what waits already was handled.</summary>
    private Task HandledAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_isEnded) return Task.CompletedTask;
            _waiting.Enqueue(new Move(shards, gone));
        }

        Wake();
        return gone.Task.WaitAsync(stop);
    }

    private Move? Next()
    {
        lock (_gate) return _waiting.TryPeek(out var move) ? move : null;
    }

    private void Remove()
    {
        lock (_gate) _waiting.TryDequeue(out _);
    }

    /// <param name="Shards">None for one who only waits.</param>
    /// <param name="Gone">Completes when the shards may be given away; null for shards that came.</param>
    private sealed record Move(IReadOnlyCollection<int> Shards, TaskCompletionSource? Gone);
}
