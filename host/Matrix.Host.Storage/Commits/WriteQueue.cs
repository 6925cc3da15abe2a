namespace Matrix.Host.Storage.Commits;

/// <summary>
/// The batches that wait for the writer, in order of submission. Bounded; many threads submit, one takes.
/// </summary>
internal sealed class WriteQueue(StorageOptions options) : IDisposable
{
    private const int MostHalved = 6;

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private Queue<WriteBatch> _waiting = new();
    private bool _closed;

    /// <summary>How often the bounds of a flush are halved; for the writer only.</summary>
    private int _halved;

    /// <summary>The number of waiting batches.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    public void Submit(WriteBatch batch, bool posted)
    {
        bool wasEmpty;
        lock (_lock)
        {
            if (_closed)
            {
                throw new StorageException(StorageFailure.Closed, "The store is closed.");
            }

            if (_waiting.Count >= options.MaxQueuedBatches)
            {
                throw new StorageException(StorageFailure.Overloaded, "Too many writes are already waiting.");
            }

            batch.MarkSubmitted(posted);
            wasEmpty = _waiting.Count == 0;
            _waiting.Enqueue(batch);
        }

        if (wasEmpty)
        {
            _arrived.Release();
        }
    }

    /// <summary>Waits for a submission or for the queue to be closed; false after the timeout.</summary>
    public bool Wait(TimeSpan timeout) => _arrived.Wait(timeout);

    /// <summary>Waits for a submission or for the queue to be closed.</summary>
    public Task WaitAsync() => _arrived.WaitAsync();

    /// <summary>Waits for a submission or for the queue to be closed; false after the timeout.</summary>
    public Task<bool> WaitAsync(TimeSpan timeout) => _arrived.WaitAsync(timeout);

    /// <summary>
    /// Makes the next flushes smaller after one that took too long, and greater again after short ones.
    /// </summary>
    public void Adapt(TimeSpan took, TimeSpan most)
    {
        if (took > most) _halved = Math.Min(_halved + 1, MostHalved);
        else if (took < most / 4) _halved = Math.Max(_halved - 1, 0);
    }

    /// <summary>Takes the batches of one flush. False if none waits.</summary>
    public bool TryTake(List<WriteBatch> into)
    {
        lock (_lock)
        {
            var bytes = 0L;
            var mostBatches = Math.Max(options.MaxBatchesPerFlush >> _halved, 1);
            while (into.Count < mostBatches && _waiting.TryPeek(out var next))
            {
                bytes += next.Weight;
                if (into.Count > 0 && bytes > options.MaxBytesPerFlush >> _halved)
                {
                    break;
                }

                into.Add(_waiting.Dequeue());
            }

            return into.Count > 0;
        }
    }

    /// <summary>Whether the queue accepts no more batches.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_lock)
            {
                return _closed;
            }
        }
    }

    /// <summary>Accepts no more batches; waiting ones can still be taken.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
        }

        _arrived.Release();
    }

    public void Dispose() => _arrived.Dispose();
}
