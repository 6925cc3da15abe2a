namespace Matrix.Host.Storage.Commits;

/// <summary>Batches that wait for the writer, in order of submission. Bounded; many submit, one takes.</summary>
internal sealed class WriteQueue(StorageOptions options) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private Queue<WriteBatch> _waiting = new();
    private bool _closed;

    /// <summary>How many batches wait.</summary>
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

            if (_waiting.Count >= options.MaxQueuedSets)
            {
                throw new StorageException(StorageFailure.Overloaded, "Too many writes wait already.");
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

    /// <summary>Waits until something was submitted or the queue was closed; false if neither happened in time.</summary>
    public bool Wait(TimeSpan timeout) => _arrived.Wait(timeout);

    /// <summary>Waits until something was submitted or the queue was closed.</summary>
    public Task WaitAsync() => _arrived.WaitAsync();

    /// <summary>The same; false if neither happened in time.</summary>
    public Task<bool> WaitAsync(TimeSpan timeout) => _arrived.WaitAsync(timeout);

    /// <summary>Takes what goes into one flush. False if nothing waits.</summary>
    public bool TryTake(List<WriteBatch> into)
    {
        lock (_lock)
        {
            var bytes = 0L;
            while (into.Count < options.MaxSetsPerFlush && _waiting.TryPeek(out var next))
            {
                bytes += next.Weight;
                if (into.Count > 0 && bytes > options.MaxBytesPerFlush)
                {
                    break;
                }

                into.Add(_waiting.Dequeue());
            }

            return into.Count > 0;
        }
    }

    /// <summary>Whether no more will come.</summary>
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

    /// <summary>Takes no more; what waits can still be taken.</summary>
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
