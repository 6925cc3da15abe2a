namespace Matrix.Host.Api.Http;

/// <summary>
/// A bound on the bytes of all bodies of an API in memory at once. A request is charged for what has arrived, until its
/// response: a length that a peer merely announces costs nothing.
/// </summary>
internal sealed class BodyBudget(long most)
{
    private long _held;

    /// <summary>The bytes of all requests.</summary>
    internal long Held => Interlocked.Read(ref _held);

    /// <summary>The share of one request.</summary>
    internal Share Open() => new(this);

    private bool TryAdd(long bytes)
    {
        if (Interlocked.Add(ref _held, bytes) <= most) return true;
        Interlocked.Add(ref _held, -bytes);
        return false;
    }

    /// <summary>The bytes of one request's body.</summary>
    internal sealed class Share(BodyBudget budget) : IDisposable
    {
        private long _bytes;

        /// <summary>Sets the number of bytes. False, with nothing changed, if the budget does not allow it.</summary>
        internal bool TryGrowTo(long bytes)
        {
            if (!budget.TryAdd(bytes - _bytes)) return false;
            _bytes = bytes;
            return true;
        }

        public void Dispose()
        {
            Interlocked.Add(ref budget._held, -_bytes);
            _bytes = 0;
        }
    }
}
