namespace Matrix.Host.Api.Http;

/// <summary>
/// A bound on the bytes of all bodies of an API in memory at once, and on those from one address. A request is charged
/// for what has arrived, until its response: a length that a peer merely announces costs nothing.
/// </summary>
/// <param name="most">The most bytes.</param>
/// <param name="mostOfOne">The most bytes from one address.</param>
internal sealed class BodyBudget(long most, long mostOfOne)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _byAddress = new(StringComparer.Ordinal);
    private long _held;

    /// <summary>The bytes of all requests.</summary>
    internal long Held
    {
        get
        {
            lock (_gate) return _held;
        }
    }

    /// <summary>The share of one request.</summary>
    internal Share Open(string address) => new(this, address);

    private bool TryAdd(string address, long bytes)
    {
        lock (_gate)
        {
            var own = _byAddress.GetValueOrDefault(address) + bytes;
            if (bytes > 0 && (own > mostOfOne || _held + bytes > most)) return false;
            _held += bytes;
            if (own == 0) _byAddress.Remove(address);
            else _byAddress[address] = own;
            return true;
        }
    }

    /// <summary>The bytes of one request's body.</summary>
    internal sealed class Share(BodyBudget budget, string address) : IDisposable
    {
        private long _bytes;

        /// <summary>Sets the number of bytes. False, with nothing changed, if the budget does not allow it.</summary>
        internal bool TryGrowTo(long bytes)
        {
            if (!budget.TryAdd(address, bytes - _bytes)) return false;
            _bytes = bytes;
            return true;
        }

        public void Dispose()
        {
            if (_bytes > 0) budget.TryAdd(address, -_bytes);
            _bytes = 0;
        }
    }
}
