namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Gives every consumer the changes of each flush. A consumer that throws neither delays the flush nor affects the
/// others.
/// </summary>
internal sealed class CommitDispatcher(WriterMetrics metrics)
{
    private IChangeConsumer[] _consumers = [];

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
    }

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
        }
    }
}
