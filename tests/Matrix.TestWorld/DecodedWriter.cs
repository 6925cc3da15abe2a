using System.Collections.Concurrent;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Tables;

namespace Matrix.TestWorld;

/// <summary>
/// A writer whose consumers get the changes of each flush as consumers of another node do: the flush is written as
/// bytes, and read from them. Submitters keep their own changes.
/// </summary>
internal sealed class DecodedWriter : IStorageWriter, IChangeConsumer, IAsyncDisposable
{
    private readonly IStorageWriter _writer;
    private readonly FlushFormat _format = new(SharedChanges.Formats);
    private readonly WriterMetrics _metrics = new();
    private readonly CommitDispatcher _consumers;
    private readonly ConcurrentQueue<Exception> _faults = [];
    private List<WriteBatch> _batches = [];

    /// <param name="writer">The real one.</param>
    public DecodedWriter(IStorageWriter writer)
    {
        _writer = writer;
        _consumers = new CommitDispatcher(_metrics);
        _consumers.StartAt(writer.PublishedPosition);
        writer.AddConsumer(this);
    }

    /// <summary>What consumers threw, and flushes that could not be read.</summary>
    public IReadOnlyCollection<Exception> Faults => _faults;

    public long PublishedPosition => _writer.PublishedPosition;

    public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop) =>
        _writer.WriteAsync(batch, stop);

    public void Post(WriteBatch batch) => _writer.Post(batch);

    public void AddConsumer(IChangeConsumer consumer) => _consumers.Add(
        consumer is IRestoredConsumer restored ? new Restored(restored, _faults) : new Watched(consumer, _faults));

    public void OnChange(Change change, long position)
    {
        if (_batches is not [.., var last] || last.Position != position)
        {
            _batches.Add(last = new WriteBatch(Authority.Nobody) { Position = position });
        }

        last.Add(change);
    }

    public void End(long through)
    {
        var batches = _batches;
        _batches = [];
        if (_format.TryRead(_format.Write(batches), out var read, out var failure))
        {
            _consumers.Dispatch(read, through);
        }
        else
        {
            var kinds = batches.SelectMany(static batch => batch.Changes).Select(static change => change.ToString());
            _faults.Enqueue(new InvalidDataException($"{failure}: {string.Join(' ', kinds.Distinct())}"));
        }
    }

    public void Missed(long through) =>
        _faults.Enqueue(new InvalidOperationException($"The flush at {through} was not written as bytes."));

    public async ValueTask DisposeAsync()
    {
        await _consumers.DisposeAsync();
        _metrics.Dispose();
    }

    private class Watched(IChangeConsumer consumer, ConcurrentQueue<Exception> faults) : IChangeConsumer
    {
        public void Begin(long through) => Watch(() => consumer.Begin(through));

        public void OnChange(Change change, long position) => Watch(() => consumer.OnChange(change, position));

        public void End(long through) => Watch(() => consumer.End(through));

        public void Missed(long through) => consumer.Missed(through);

        private void Watch(Action act)
        {
            try
            {
                act();
            }
            catch (Exception fault) when (fault is not ChosenMissException)
            {
                faults.Enqueue(fault);
                throw;
            }
        }
    }

    private sealed class Restored(IRestoredConsumer consumer, ConcurrentQueue<Exception> faults)
        : Watched(consumer, faults), IRestoredConsumer
    {
        public ValueTask RestoreAsync(long after, long through, CancellationToken stop) =>
            consumer.RestoreAsync(after, through, stop);
    }
}
