using Matrix.Host.Storage.Commits;

namespace Matrix.TestWorld.Authorities;

/// <summary>A writer that notes the batches which do not name their authorities.</summary>
/// <param name="writer">The real one.</param>
/// <param name="seen">Called with each batch, by many threads.</param>
internal sealed class JudgedWriter(IStorageWriter writer, Action<WriteBatch> seen) : IStorageWriter
{
    private readonly Lock _gate = new();
    private readonly AuthorityLaw _law = new();
    private readonly List<string> _faults = [];

    public long PublishedPosition => writer.PublishedPosition;

    /// <summary>The faults so far.</summary>
    internal IReadOnlyList<string> Faults
    {
        get
        {
            lock (_gate) return [.. _faults];
        }
    }

    public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
    {
        Judge(batch);
        return writer.WriteAsync(batch, stop);
    }

    public void Post(WriteBatch batch)
    {
        Judge(batch);
        writer.Post(batch);
    }

    public void AddConsumer(IChangeConsumer consumer) => writer.AddConsumer(consumer);

    private void Judge(WriteBatch batch)
    {
        lock (_gate)
        {
            if (_law.FaultOf(batch) is { } fault && _faults.Count < 10) _faults.Add(fault);
        }

        seen(batch);
    }
}
