using Matrix.Processes.Network;

namespace Matrix.ClusterNodes.Flushes;

/// <summary>Holds a flush of a node at a moment that a test wants.</summary>
internal sealed class FlushHold
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _reached = new();

    /// <summary>Whether a moment is wanted: asked for each octet.</summary>
    private volatile bool _isSet;
    private FlushMoment _wanted;
    private FlushGate? _held;
    private bool _keepsReplies;

    /// <summary>The gate of a new connection to the database.</summary>
    public ILinkGate NewGate() => new FlushGate(this);

    /// <summary>Holds the next flush that comes to a moment, and returns when one is held.</summary>
    public Task HoldNextAsync(FlushMoment moment, TimeSpan within)
    {
        lock (_lock)
        {
            (_isSet, _wanted, _held, _keepsReplies) = (true, moment, null, false);
            _reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _reached.Task.WaitAsync(within);
        }
    }

    /// <summary>Sends the rest of the flush that is held, and holds what the database replies.</summary>
    public void HoldReplies()
    {
        lock (_lock) (_isSet, _keepsReplies) = (false, true);
    }

    /// <summary>Holds nothing any more.</summary>
    public void Open()
    {
        lock (_lock)
        {
            _held?.LetPass();
            (_isSet, _held, _keepsReplies) = (false, null, false);
        }
    }

    /// <summary>Whether a connection is held before an octet.</summary>
    public bool Holds(FlushGate gate, byte before)
    {
        if (!_isSet) return false;
        lock (_lock)
        {
            if (!_isSet) return false;
            if (_held is not null) return _held == gate;
            if (!gate.IsAt(_wanted, before)) return false;
            _held = gate;
            _reached.TrySetResult();
            return true;
        }
    }

    /// <summary>Whether what the database sends to a connection is held.</summary>
    public bool HoldsReplies(FlushGate gate)
    {
        lock (_lock) return _keepsReplies && _held == gate;
    }
}
