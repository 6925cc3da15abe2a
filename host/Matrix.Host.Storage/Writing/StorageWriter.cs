namespace Matrix.Host.Storage.Writing;

/// <summary>What both databases' writers share: submission, publication, answers. A database adds how a flush is made.</summary>
internal abstract class StorageWriter(StorageOptions options, WriterMetrics metrics) : IStorageWriter, IAsyncDisposable
{
    private readonly CommitDispatcher _consumers = new(metrics);
    private long _published;

    public long PublishedPosition => Volatile.Read(ref _published);

    protected WriteQueue Queue { get; } = new(options);

    protected StorageOptions Options { get; } = options;

    protected WriterMetrics Metrics { get; } = metrics;

    /// <summary>The last position given out. The writer's own.</summary>
    protected long LastPosition { get; set; }

    public ValueTask<WriteReceipt> WriteAsync(WriteSet set, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(set);
        stop.ThrowIfCancellationRequested();
        var completion = set.Completion;
        Queue.Submit(set, posted: false);
        return completion;
    }

    public void Post(WriteSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        Queue.Submit(set, posted: true);
    }

    public void AddConsumer(IChangeConsumer consumer) => _consumers.Add(consumer);

    public abstract ValueTask DisposeAsync();

    /// <summary>Everything up to here was durable before this process began.</summary>
    protected void StartAt(long position)
    {
        LastPosition = position;
        Volatile.Write(ref _published, position);
    }

    /// <summary>
    /// Takes sets out whose chain broke: they fail. What remains may be flushed.
    /// </summary>
    protected static void DropBroken(List<WriteSet> sets)
    {
        sets.RemoveAll(static set =>
        {
            if (set.Chain is not { IsBroken: true })
            {
                return false;
            }

            Answer(set, ChainBroken());
            return true;
        });
    }

    /// <summary>
    /// These sets were carried out and are durable; those with position 0 were refused. Consumers read the rest, then everyone is answered.
    /// </summary>
    protected void Publish(List<WriteSet> sets)
    {
        Announce(sets);
        foreach (var set in sets)
        {
            if (set.IsOrphan)
            {
                Answer(set, ChainBroken());
            }
            else
            {
                Answer(set, new WriteReceipt(set.Position, set.Position == 0));
            }
        }
    }

    /// <summary>Readers may see what these sets changed, and consumers read it.</summary>
    protected void Announce(List<WriteSet> sets)
    {
        var kept = new List<WriteSet>(sets.Count);
        foreach (var set in sets)
        {
            if (set.Position != 0)
            {
                set.Durable();
                kept.Add(set);
            }
        }

        if (kept.Count > 0)
        {
            var last = kept[^1].Position;
            Volatile.Write(ref _published, last);
            _consumers.Dispatch(kept, last);
        }
    }

    private static StorageException ChainBroken() =>
        new(StorageFailure.ChainBroken, "What this write builds on was not written.");

    protected static void FailAll(List<WriteSet> sets, StorageException failure)
    {
        foreach (var set in sets)
        {
            Answer(set, failure);
        }
    }

    /// <summary>Nothing more comes, and what still waits will not be written.</summary>
    protected void FailWaiting(StorageException failure)
    {
        var waiting = new List<WriteSet>();
        while (Queue.TryTake(waiting))
        {
            FailAll(waiting, failure);
            waiting.Clear();
        }
    }

    private static void Answer(WriteSet set, WriteReceipt receipt)
    {
        try
        {
            set.Complete(receipt);
        }
#pragma warning disable CA1031 // A callback's fault must not cost the writer its thread, nor others their answers.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            WriterMetrics.CallbackFailed(fault);
        }
    }

    private static void Answer(WriteSet set, StorageException failure)
    {
        try
        {
            set.Fail(failure);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            WriterMetrics.CallbackFailed(fault);
        }
    }
}
