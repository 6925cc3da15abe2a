using System.Threading.Tasks.Sources;

namespace Matrix.Host.Storage.Writing;

/// <summary>
/// Changes that become durable together or not at all, in this order. Built by one thread, submitted once.
/// </summary>
public sealed class WriteSet : IValueTaskSource<WriteReceipt>
{
    private readonly List<WriteOperation> _operations;
    private List<ConditionalOperation>? _preconditions;
    private ManualResetValueTaskSourceCore<WriteReceipt> _source = new() { RunContinuationsAsynchronously = true };
    private int _submitted;
    private int _outcome;

    /// <summary>An empty set.</summary>
    /// <param name="capacity">How many operations it will hold, about.</param>
    public WriteSet(int capacity = 4) => _operations = new List<WriteOperation>(capacity);

    /// <summary>The changes, in order; preconditions are made before all others.</summary>
    public IReadOnlyList<WriteOperation> Operations => _operations;

    /// <summary>Those of the operations that must be made for the rest to be made.</summary>
    public IReadOnlyList<ConditionalOperation> Preconditions => _preconditions ?? (IReadOnlyList<ConditionalOperation>)[];

    /// <summary>What this set builds on; null if it stands alone.</summary>
    public WriteChain? Chain { get; init; }

    /// <summary>The position, once durable.</summary>
    public long Position { get; internal set; }

    /// <summary>What became of it; known before anyone is answered.</summary>
    public WriteOutcome Outcome => (WriteOutcome)Volatile.Read(ref _outcome);

    /// <summary>Called when a posted set is durable or refused.</summary>
    public Action<WriteSet, WriteReceipt>? OnCommitted { get; init; }

    /// <summary>Called when a posted set failed.</summary>
    public Action<WriteSet, StorageException>? OnFailed { get; init; }

    /// <summary>Adds a change.</summary>
    public WriteSet Add(WriteOperation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        _operations.Add(operation);
        Weight += operation.Weight;
        return this;
    }

    /// <summary>Adds a conditional change without which the rest of the set is not made. Preconditions are made first, in order.</summary>
    public WriteSet Require(ConditionalOperation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        (_preconditions ??= []).Add(operation);
        Weight += operation.Weight;
        return this;
    }

    internal int Weight { get; private set; }

    /// <summary>A set before it in its chain was refused in the same flush.</summary>
    internal bool IsOrphan { get; set; }

    internal bool IsPosted { get; private set; }

    internal void MarkSubmitted(bool posted)
    {
        if (Interlocked.Exchange(ref _submitted, 1) != 0)
        {
            throw new InvalidOperationException("A write set is submitted once.");
        }

        IsPosted = posted;
    }

    internal void Durable()
    {
        foreach (var operation in _operations) operation.Durable(Position);
    }

    internal ValueTask<WriteReceipt> Completion => new(this, _source.Version);

    internal void Complete(WriteReceipt receipt)
    {
        Volatile.Write(ref _outcome, (int)(receipt.Refused ? WriteOutcome.NotWritten : WriteOutcome.Durable));
        if (IsPosted)
        {
            OnCommitted?.Invoke(this, receipt);
        }
        else
        {
            _source.SetResult(receipt);
        }
    }

    internal void Fail(StorageException failure)
    {
        Volatile.Write(ref _outcome, (int)(failure.Failure == StorageFailure.Doubtful ? WriteOutcome.Unknown : WriteOutcome.NotWritten));
        Chain?.Break();
        if (IsPosted)
        {
            OnFailed?.Invoke(this, failure);
        }
        else
        {
            _source.SetException(failure);
        }
    }

    WriteReceipt IValueTaskSource<WriteReceipt>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<WriteReceipt>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<WriteReceipt>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
