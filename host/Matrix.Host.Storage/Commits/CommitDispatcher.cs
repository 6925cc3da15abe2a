namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Gives every consumer the changes of each flush. A consumer that throws neither delays the flush nor affects the
/// others: it reads from storage what it missed.
/// </summary>
internal sealed class CommitDispatcher(WriterMetrics metrics) : IAsyncDisposable
{
    private static readonly List<WriteBatch> _none = [];

    private readonly Restorations _restorations = new(metrics);
    private readonly HashSet<IRestoredConsumer> _missed = [];
    private IChangeConsumer[] _consumers = [];

    /// <summary>The position up to which consumers have been given the changes; for the writer's thread only.</summary>
    private long _through;

    /// <summary>Sets the position of the last change before this process began.</summary>
    public void StartAt(long position) => _through = position;

    public void Add(IChangeConsumer consumer)
    {
        IChangeConsumer[] before;
        do
        {
            before = _consumers;
        }
        while (Interlocked.CompareExchange(ref _consumers, [.. before, consumer], before) != before);
    }

    /// <summary>Dispatches batches that are durable, in the order of their positions.</summary>
    public void Dispatch(List<WriteBatch> batches, long through)
    {
        var consumers = _consumers;
        foreach (var consumer in consumers)
        {
            Guarded(consumer, static (c, _, through) => c.Begin(through), batches, through);
        }

        foreach (var consumer in consumers) Guarded(consumer, Read, batches, through);
        foreach (var consumer in consumers)
        {
            Guarded(consumer, static (c, _, through) => c.End(through), batches, through);
        }

        Restore(through);
    }

    /// <summary>Lets every consumer miss the changes since the last ones, up to a position.</summary>
    public void Miss(long through)
    {
        var consumers = _consumers;
        foreach (var consumer in consumers)
        {
            Guarded(consumer, static (c, _, through) => c.Begin(through), _none, through);
        }

        foreach (var consumer in consumers) Missed(consumer, through);
        foreach (var consumer in consumers)
        {
            Guarded(consumer, static (c, _, through) => c.End(through), _none, through);
        }

        Restore(through);
    }

    /// <summary>Ends what consumers read from storage.</summary>
    public ValueTask DisposeAsync() => _restorations.DisposeAsync();

    private static void Read(IChangeConsumer consumer, List<WriteBatch> batches, long through)
    {
        foreach (var batch in batches)
        {
            var preconditions = batch.Preconditions;
            for (var i = 0; i < preconditions.Count; i++) consumer.OnChange(preconditions[i], batch.Position);
            var changes = batch.Changes;
            for (var i = 0; i < changes.Count; i++)
            {
                if (changes[i] is ConditionalChange { Applied: false }) continue;
                consumer.OnChange(changes[i], batch.Position);
            }
        }
    }

    /// <summary>
    /// Consumers that missed changes read them from storage. Not before all have read the flush: what they read may
    /// come from caches.
    /// </summary>
    private void Restore(long through)
    {
        foreach (var consumer in _missed) _restorations.Add(consumer, _through, through);
        _missed.Clear();
        _through = through;
    }

    private void Guarded(
        IChangeConsumer consumer, Action<IChangeConsumer, List<WriteBatch>, long> step, List<WriteBatch> batches,
        long through)
    {
        try
        {
            step(consumer, batches, through);
        }
#pragma warning disable CA1031 // A consumer's exception must not end the writer's thread or affect others.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            metrics.ConsumerFailed(fault);
            Missed(consumer, through);
        }
    }

    private void Missed(IChangeConsumer consumer, long through)
    {
        try
        {
            consumer.Missed(through);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            metrics.ConsumerFailed(fault);
        }

        if (consumer is IRestoredConsumer restored) _missed.Add(restored);
    }
}
