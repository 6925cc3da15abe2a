namespace Matrix.Host.Api.Http;

/// <summary>
/// A bound on the memory that the requests of an API take at once, for their bodies or their responses, and on that of
/// the requests of one owner: an address or a server.
/// </summary>
/// <param name="most">The most bytes.</param>
/// <param name="mostOfOne">The most bytes of one owner.</param>
internal sealed class ByteBudget(long most, long mostOfOne)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _byOwner = new(StringComparer.Ordinal);
    private long _held;

    private long Most => most;

    private long MostOfOne => mostOfOne;

    /// <summary>The bytes of all requests.</summary>
    internal long Held
    {
        get
        {
            lock (_gate) return _held;
        }
    }

    /// <summary>The share of one request.</summary>
    internal Share Open(string owner) => new(this, owner);

    private bool TryAdd(string owner, long bytes, long ifAlone)
    {
        lock (_gate)
        {
            var own = _byOwner.GetValueOrDefault(owner) + bytes;
            var isTooMuch = own > mostOfOne
                && !(own == ifAlone && (_held == own - bytes || _held + bytes <= most / 2));
            if (bytes > 0 && (isTooMuch || _held + bytes > most)) return false;
            _held += bytes;
            if (own == 0) _byOwner.Remove(owner);
            else _byOwner[owner] = own;
            return true;
        }
    }

    /// <summary>The bytes of one request.</summary>
    internal sealed class Share(ByteBudget budget, string owner) : IDisposable
    {
        private long _bytes;

        /// <summary>The most bytes of all requests.</summary>
        internal long Most => budget.Most;

        /// <summary>The most bytes of one owner.</summary>
        internal long MostOfOne => budget.MostOfOne;

        /// <summary>Sets the number of bytes. False, with nothing changed, if the budget does not allow it.</summary>
        internal bool TryGrowTo(long bytes) => TryGrowTo(bytes, ifAlone: -1);

        /// <summary>
        /// The same. The only request of its owner may have more than one owner's part, while half of all stays free or
        /// nobody else has any.
        /// </summary>
        internal bool TryGrowAloneTo(long bytes) => TryGrowTo(bytes, ifAlone: bytes);

        public void Dispose() => TryGrowTo(0);

        private bool TryGrowTo(long bytes, long ifAlone)
        {
            if (!budget.TryAdd(owner, bytes - _bytes, ifAlone)) return false;
            _bytes = bytes;
            return true;
        }
    }
}
