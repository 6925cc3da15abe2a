using System.Threading.Tasks.Sources;

namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Changes that become durable together or not at all, in this order. It is built by one thread and submitted once.
/// </summary>
public sealed class WriteBatch : IValueTaskSource<WriteReceipt>
{
    private readonly List<Change> _changes;
    private List<ConditionalChange>? _preconditions;
    private HashSet<Authority>? _otherAuthorities;
    private ManualResetValueTaskSourceCore<WriteReceipt> _source = new() { RunContinuationsAsynchronously = true };
    private int _submitted;
    private int _outcome;

    /// <summary>Creates an empty batch.</summary>
    /// <param name="authority">What decides in memory what the batch writes; nobody if nothing does.</param>
    /// <param name="capacity">The expected number of changes.</param>
    public WriteBatch(Authority authority, int capacity = 4)
    {
        Authority = authority;
        _changes = new List<Change>(capacity);
    }

    /// <summary>What has authority over the batch; if several have, the first one named.</summary>
    public Authority Authority { get; private set; }

    /// <summary>What else has authority over the batch, each once.</summary>
    public IReadOnlyCollection<Authority> OtherAuthorities =>
        _otherAuthorities ?? (IReadOnlyCollection<Authority>)[];

    /// <summary>The changes, in order, without the preconditions, which are evaluated before them.</summary>
    public IReadOnlyList<Change> Changes => _changes;

    /// <summary>The changes that must apply for the rest to be made.</summary>
    public IReadOnlyList<ConditionalChange> Preconditions => _preconditions ?? (IReadOnlyList<ConditionalChange>)[];

    /// <summary>The chain that this batch belongs to; null for none.</summary>
    public WriteChain? Chain { get; init; }

    /// <summary>The position, once durable.</summary>
    public long Position { get; internal set; }

    /// <summary>The outcome; set before any submitter is completed.</summary>
    public WriteOutcome Outcome => (WriteOutcome)Volatile.Read(ref _outcome);

    /// <summary>Why the batch failed; null if it did not. Set before the outcome.</summary>
    public StorageFailure? Failure { get; private set; }

    /// <summary>Called when a posted batch is durable or refused.</summary>
    public Action<WriteBatch, WriteReceipt>? OnCommitted { get; init; }

    /// <summary>Called when a posted batch failed.</summary>
    public Action<WriteBatch, StorageException>? OnFailed { get; init; }

    /// <summary>Names a further authority. It changes nothing if that is named already, or is nobody.</summary>
    public WriteBatch AlsoOf(Authority authority)
    {
        if (authority.IsNobody || authority == Authority) return this;
        if (Authority.IsNobody) Authority = authority;
        else (_otherAuthorities ??= []).Add(authority);
        return this;
    }

    /// <summary>Adds a change.</summary>
    public WriteBatch Add(Change change)
    {
        _changes.Add(change);
        Weight += change.Weight;
        return this;
    }

    /// <summary>
    /// Adds a precondition: if it does not apply, nothing of the batch is kept. Preconditions are evaluated first, in
    /// order.
    /// </summary>
    public WriteBatch Require(ConditionalChange change)
    {
        (_preconditions ??= []).Add(change);
        Weight += change.Weight;
        return this;
    }

    internal int Weight { get; private set; }

    /// <summary>Whether an earlier batch of its chain was refused in the same flush.</summary>
    internal bool IsOrphan { get; set; }

    internal bool IsPosted { get; private set; }

    internal void MarkSubmitted(bool posted)
    {
        if (Interlocked.Exchange(ref _submitted, 1) != 0)
        {
            throw new InvalidOperationException("A batch can be submitted only once.");
        }

        IsPosted = posted;
    }

    internal void Durable()
    {
        foreach (var change in _changes) change.Durable(Position);
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
        Failure = failure.Failure;
        Volatile.Write(
            ref _outcome,
            (int)(failure.Failure == StorageFailure.Doubtful ? WriteOutcome.Unknown : WriteOutcome.NotWritten));
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
