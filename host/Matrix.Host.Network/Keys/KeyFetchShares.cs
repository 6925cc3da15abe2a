using System.Net;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// The shares of the causes in the fetches of keys that run at once. A server that is slow on purpose takes places of
/// its own share only. Of a share that requests use before they are authenticated, one address has a part. Thread-safe.
/// </summary>
internal sealed class KeyFetchShares(NetworkOptions options)
{
    /// <summary>One address has at most this part of a share.</summary>
    private const int PartOfAddress = 4;

    private readonly Lock _gate = new();
    private readonly Share[] _shares =
    [
        new(options.MaxKeyFetches, options.MaxKeyFetchesWaiting),
        new(options.MaxKnownKeyFetches, options.MaxKeyFetchesWaiting),
        new(options.MaxStrangerKeyFetches, options.MaxKeyFetchesWaiting),
        new(options.MaxNotaryFetches, options.MaxKeyFetchesWaiting),
    ];

    private readonly Dictionary<(KeyFetchShare Share, IPAddress Address), Part> _parts = [];

    /// <summary>A place to wait in; null if too many of this cause wait or run.</summary>
    internal Slot? Enter(KeyFetchCause cause)
    {
        var share = _shares[(int)cause.Share];
        lock (_gate)
        {
            if (share.Users >= share.MostUsers) return null;
            Part? part = null;
            if (cause.AskedBy is { } address)
            {
                var key = (cause.Share, AddressBlock.Of(address));
                if (!_parts.TryGetValue(key, out part)) _parts.Add(key, part = new Part(key, PartOf(share.Most)));
                if (part.Users >= PartOf(share.MostUsers)) return null;
                part.Users++;
            }

            share.Users++;
            return new Slot(this, share, part);
        }
    }

    private static int PartOf(int all) => Math.Max(1, all / PartOfAddress);

    private void Leave(Share share, Part? part)
    {
        lock (_gate)
        {
            share.Users--;
            if (part is not null && --part.Users == 0) _parts.Remove(part.Key);
        }
    }

    /// <summary>The place of one fetch.</summary>
    internal sealed class Slot(KeyFetchShares shares, Share share, Part? part) : IDisposable
    {
        private bool _hasPart;
        private bool _hasSlot;

        /// <summary>Waits until the fetch may run.</summary>
        /// <exception cref="OperationCanceledException">It is not awaited any more.</exception>
        internal async Task WaitAsync(CancellationToken stop)
        {
            // First that of the address: its fetches do not stand in the way of others.
            if (part is not null)
            {
                await part.Slots.WaitAsync(stop);
                _hasPart = true;
            }

            await share.Slots.WaitAsync(stop);
            _hasSlot = true;
        }

        public void Dispose()
        {
            if (_hasSlot) share.Slots.Release();
            if (_hasPart) part!.Slots.Release();
            shares.Leave(share, part);
        }
    }

    /// <summary>A share.</summary>
    internal sealed class Share(int most, int mostUsers)
    {
        internal int Most => most;

        /// <summary>The most that wait or run.</summary>
        internal int MostUsers => mostUsers;

        internal SemaphoreSlim Slots { get; } = new(most, most);

        /// <summary>Those that wait or run.</summary>
        internal int Users { get; set; }
    }

    /// <summary>The part of an address in a share.</summary>
    internal sealed class Part((KeyFetchShare Share, IPAddress Address) key, int most)
    {
        internal (KeyFetchShare Share, IPAddress Address) Key => key;

        internal SemaphoreSlim Slots { get; } = new(most, most);

        internal int Users { get; set; }
    }
}
