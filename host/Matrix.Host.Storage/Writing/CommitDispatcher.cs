namespace Matrix.Host.Storage.Writing;

/// <summary>
/// Lets every consumer read the changes of each flush. One that throws neither delays the flush nor keeps changes from the others.
/// </summary>
internal sealed class CommitDispatcher(WriterMetrics metrics)
{
    private IChangeConsumer[] _consumers = [];

    public void Add(IChangeConsumer consumer)
    {
        ArgumentNullException.ThrowIfNull(consumer);
        IChangeConsumer[] before;
        do
        {
            before = _consumers;
        }
        while (Interlocked.CompareExchange(ref _consumers, [.. before, consumer], before) != before);
    }

    /// <summary>These batches are durable, in order of their positions.</summary>
    public void Dispatch(List<WriteSet> sets, long through)
    {
        var consumers = _consumers;
        foreach (var consumer in consumers) Guarded(consumer, static (c, _, through) => c.Begin(through), sets, through);
        foreach (var consumer in consumers) Guarded(consumer, Read, sets, through);
        foreach (var consumer in consumers) Guarded(consumer, static (c, _, through) => c.End(through), sets, through);
    }

    private static void Read(IChangeConsumer consumer, List<WriteSet> sets, long through)
    {
        foreach (var set in sets)
        {
            var preconditions = set.Preconditions;
            for (var i = 0; i < preconditions.Count; i++) consumer.Take(preconditions[i], set.Position);
            var changes = set.Operations;
            for (var i = 0; i < changes.Count; i++)
            {
                if (changes[i] is ConditionalOperation { Applied: false }) continue;
                consumer.Take(changes[i], set.Position);
            }
        }
    }

    private void Guarded(
        IChangeConsumer consumer, Action<IChangeConsumer, List<WriteSet>, long> step, List<WriteSet> sets, long through)
    {
        try
        {
            step(consumer, sets, through);
        }
#pragma warning disable CA1031 // A consumer's fault must not cost the writer its thread, nor others their changes.
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
