using Matrix.Host.Storage.Commits;

namespace Matrix.TestWorld;

/// <summary>
/// A writer whose consumers miss the flushes that a test chooses: by turns whole, and after their first change.
/// </summary>
/// <param name="writer">The real one.</param>
/// <param name="misses">Whether a consumer misses the flush that begins. It is asked on the writer's thread.</param>
internal sealed class MissingWriter(IStorageWriter writer, Func<IChangeConsumer, bool> misses) : IStorageWriter
{
    public long PublishedPosition => writer.PublishedPosition;

    public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop) =>
        writer.WriteAsync(batch, stop);

    public void Post(WriteBatch batch) => writer.Post(batch);

    public void AddConsumer(IChangeConsumer consumer) => writer.AddConsumer(
        consumer is IRestoredConsumer restored ? new Restored(restored, misses) : new Missing(consumer, misses));

    private class Missing(IChangeConsumer consumer, Func<IChangeConsumer, bool> misses) : IChangeConsumer
    {
        private bool _isMissing;
        private bool _isWhole;

        public void Begin(long through)
        {
            _isMissing = misses(consumer);
            if (_isMissing)
            {
                _isWhole = !_isWhole;
                if (_isWhole) Throw();
            }

            consumer.Begin(through);
        }

        public void OnChange(Change change, long position)
        {
            if (_isMissing && _isWhole) return;
            consumer.OnChange(change, position);
            if (_isMissing) Throw();
        }

        public void End(long through) => consumer.End(through);

        public void Missed(long through) => consumer.Missed(through);

        private static void Throw() => throw new ChosenMissException();
    }

    private sealed class Restored(IRestoredConsumer consumer, Func<IChangeConsumer, bool> misses)
        : Missing(consumer, misses), IRestoredConsumer
    {
        public ValueTask RestoreAsync(long after, long through, CancellationToken stop) =>
            consumer.RestoreAsync(after, through, stop);
    }
}

/// <summary>The test lets the consumer miss the flush.</summary>
internal sealed class ChosenMissException() : Exception("The test lets the consumer miss this flush.");
