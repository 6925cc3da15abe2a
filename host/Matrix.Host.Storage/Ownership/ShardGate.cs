using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Storage.Ownership;

/// <summary>One shard: whether it is open, and how many are inside. Thread-safe.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source without a timer or a link holds nothing.")]
internal sealed class ShardGate
{
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(5);

    private volatile TaskCompletionSource _opened = New();
    private volatile CancellationTokenSource _closing = new();
    private volatile bool _isOpen;
    private long _opening;
    private int _inside;

    internal bool IsOpen => _isOpen;

    /// <summary>The number of the last opening.</summary>
    internal long Opening => Volatile.Read(ref _opening);

    /// <summary>Cancelled when the shard closes. Read while inside.</summary>
    internal CancellationToken Closing => _closing.Token;

    /// <summary>Completes when the shard is open, or has been since.</summary>
    internal Task Opened => _opened.Task;

    internal bool TryEnter()
    {
        if (!_isOpen) return false;

        // First counted, then asked: who closes it sees the count, or nobody believes it to be open.
        Interlocked.Increment(ref _inside);
        if (_isOpen) return true;
        Leave();
        return false;
    }

    internal void Leave() => Interlocked.Decrement(ref _inside);

    internal void Open(long opening)
    {
        if (_isOpen) return;
        _closing = new CancellationTokenSource();
        Volatile.Write(ref _opening, opening);
        _isOpen = true;
        _opened.TrySetResult();
    }

    /// <summary>Lets nobody in any more.</summary>
    internal void Close()
    {
        if (!_isOpen) return;
        _opened = New();
        _isOpen = false;
        Interlocked.MemoryBarrier();
    }

    /// <summary>Waits until nobody is inside of the closed shard.</summary>
    internal async Task EmptyAsync(CancellationToken stop)
    {
        await _closing.CancelAsync();
        while (Volatile.Read(ref _inside) != 0) await Task.Delay(_lookAgain, stop);
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>A use of a shard's memory. Disposed once.</summary>
public readonly struct ShardVisit : IDisposable
{
    private readonly ShardGate? _gate;

    internal ShardVisit(ShardGate gate) => _gate = gate;

    /// <summary>The number of the opening of the shard; 0 in single mode.</summary>
    public long Opening => _gate?.Opening ?? 0;

    /// <summary>Cancelled when the shard closes: whoever stays inside for long leaves then.</summary>
    public CancellationToken Closing => _gate?.Closing ?? CancellationToken.None;

    /// <summary>Leaves.</summary>
    public void Dispose() => _gate?.Leave();
}
