namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// The memory of responses: their buffers while they are read, and afterwards what is made of them, until it is
/// collected. A response that needs more than there is fails.
/// </summary>
/// <remarks>
/// A room's state is used long after it was read, in slices. Nobody has to say when the last one is dropped: the
/// collector knows. If memory is wanted that may be garbage, it is collected, at most once in a while.
/// </remarks>
internal sealed class BodyMemory(long most)
{
    /// <summary>What is smaller is not followed after its use: there are few such bytes at once.</summary>
    private const long SmallObject = 256 << 10;

    private static readonly TimeSpan _collectionPause = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly List<(WeakReference Object, long Bytes)> _kept = [];
    private long _held;
    private long _collectedAt = long.MinValue;

    /// <summary>The bytes that count now.</summary>
    internal long Held
    {
        get
        {
            lock (_gate)
            {
                DropCollected();
                return _held;
            }
        }
    }

    /// <summary>The share of one response.</summary>
    internal Share Open() => new(this);

    private bool TryTake(long bytes)
    {
        lock (_gate)
        {
            if (TryAdd(bytes)) return true;
            DropCollected();
            if (TryAdd(bytes)) return true;
            if (_kept.Count == 0 || !MayCollect()) return false;
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
        lock (_gate)
        {
            DropCollected();
            return TryAdd(bytes);
        }
    }

    private bool TryAdd(long bytes)
    {
        if (_held + bytes > most) return false;
        _held += bytes;
        return true;
    }

    private bool MayCollect()
    {
        var now = Environment.TickCount64;
        if (_collectedAt != long.MinValue && now - _collectedAt < _collectionPause.TotalMilliseconds) return false;
        _collectedAt = now;
        return true;
    }

    private void DropCollected() => _kept.RemoveAll(kept =>
    {
        if (kept.Object.IsAlive) return false;
        _held -= kept.Bytes;
        return true;
    });

    /// <summary>The memory of one response.</summary>
    internal sealed class Share(BodyMemory memory) : IDisposable
    {
        private long _taken;

        /// <summary>Counts further bytes.</summary>
        /// <exception cref="HttpFailureException">There are not so many.</exception>
        internal void Take(long bytes)
        {
            if (!memory.TryTake(bytes))
            {
                throw new HttpFailureException(
                    HttpFailureKind.TooLarge,
                    $"the responses that are held at once need more than {memory.Most} bytes");
            }

            _taken += bytes;
        }

        /// <summary>Counts so many bytes no longer.</summary>
        internal void GiveBack(long bytes)
        {
            lock (memory._gate) memory._held -= bytes;
            _taken -= bytes;
        }

        /// <summary>Counts bytes that were taken until an object is collected.</summary>
        internal void Keep(object kept, long bytes)
        {
            if (bytes < SmallObject) return;
            var followed = Math.Min(bytes, _taken);
            lock (memory._gate) memory._kept.Add((new WeakReference(kept), followed));
            _taken -= followed;
        }

        public void Dispose() => GiveBack(_taken);
    }

    private long Most => most;
}
