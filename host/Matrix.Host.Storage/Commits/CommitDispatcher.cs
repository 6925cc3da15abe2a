namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Gives every consumer the changes of each flush. A consumer that throws neither delays the flush nor affects the
/// others: it reads from storage what it missed.
/// </summary>
internal sealed class CommitDispatcher(WriterMetrics metrics) : IAsyncDisposable
{
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

        // Not before: what they read from storage may come from caches, which have read the flush now.
        foreach (var consumer in _missed) _restorations.Add(consumer, _through, through);
        _missed.Clear();
        _through = through;
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
        {
            metrics.ConsumerFailed(fault);
            try
            {
                consumer.Missed(through);
            }
            catch (Exception second)
#pragma warning restore CA1031
            {
                metrics.ConsumerFailed(second);
            }

            if (consumer is IRestoredConsumer restored) _missed.Add(restored);
        }
    }
}
