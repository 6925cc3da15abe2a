namespace Matrix.Host.Api.Http;

/// <summary>
/// A bound on the memory that the requests of an API take at once, for their bodies or their responses, and on that of
/// the requests of one owner: a user, an application service, an address or a server.
/// </summary>
/// <param name="most">The most bytes.</param>
/// <param name="mostOfOne">The most bytes of one owner.</param>
/// <param name="mostWaiting">The most requests of one owner that wait for bytes.</param>
/// <param name="clock">Measures how long they wait.</param>
internal sealed class ByteBudget(long most, long mostOfOne, int mostWaiting = 0, TimeProvider? clock = null)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _byOwner = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LinkedList<Waiting>> _waiting = new(StringComparer.Ordinal);
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
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
            Add(owner, bytes);
            if (bytes < 0) WakeWaiting();
            return true;
        }
    }

    private async ValueTask<bool> AddAsync(string owner, long bytes, TimeSpan longest, CancellationToken stop)
    {
        LinkedListNode<Waiting> mine;
        lock (_gate)
        {
            if (!_waiting.TryGetValue(owner, out var before))
            {
                if (MayHave(owner, bytes))
                {
                    Add(owner, bytes);
                    return true;
                }

                if (mostWaiting == 0) return false;
                _waiting[owner] = before = [];
            }

            if (before.Count >= mostWaiting) return false;
            mine = before.AddLast(new Waiting(bytes));
        }

        try
        {
            return await mine.Value.Task.WaitAsync(longest, _clock, stop);
        }
        catch (TimeoutException)
        {
            return !TryLeave(owner, mine);
        }
        catch (OperationCanceledException)
        {
            if (!TryLeave(owner, mine)) TryAdd(owner, -bytes, ifAlone: -1);
            throw;
        }
    }

    /// <summary>Ends the waiting of a request. False if it has got its bytes meanwhile.</summary>
    private bool TryLeave(string owner, LinkedListNode<Waiting> mine)
    {
        lock (_gate)
        {
            if (mine.List is not { } queue) return false;
            queue.Remove(mine);
            if (queue.Count == 0) _waiting.Remove(owner);

            // The next one may want less.
            WakeWaiting();
            return true;
        }
    }

    /// <summary>
    /// Whether an owner may have more: the same part of what is free as the most of one owner is of all. So something
    /// is left for owners who have nothing, although many others take what they can.
    /// </summary>
    private bool MayHave(string owner, long bytes)
    {
        var (before, free) = (_byOwner.GetValueOrDefault(owner), most - _held);
        return before == 0
            ? bytes <= Math.Min(mostOfOne, free)
            : before + bytes <= mostOfOne && before + bytes <= free * ((double)mostOfOne / most);
    }

    private void Add(string owner, long bytes)
    {
        _held += bytes;
        var own = _byOwner.GetValueOrDefault(owner) + bytes;
        if (own == 0) _byOwner.Remove(owner);
        else _byOwner[owner] = own;
    }

    /// <summary>Gives what is free to those who wait: to each owner's first request, the owners with the least first.
    /// </summary>
    private void WakeWaiting()
    {
        while (_waiting.Count > 0)
        {
            string? next = null;
            var least = long.MaxValue;
            foreach (var (owner, queue) in _waiting)
            {
                var own = _byOwner.GetValueOrDefault(owner);
                if (own < least && MayHave(owner, queue.First!.Value.Bytes)) (next, least) = (owner, own);
            }

            if (next is null) return;
            var first = _waiting[next].First!;
            _waiting[next].Remove(first);
            if (_waiting[next].Count == 0) _waiting.Remove(next);
            Add(next, first.Value.Bytes);
            first.Value.Wake();
        }
    }

    /// <summary>A request that waits for bytes.</summary>
    private sealed class Waiting(long bytes)
    {
        private readonly TaskCompletionSource<bool> _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal long Bytes => bytes;

        internal Task<bool> Task => _woken.Task;

        internal void Wake() => _woken.TrySetResult(true);
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

        /// <summary>
        /// Takes the first bytes of a request, which has none, as soon as the budget allows it. False if this takes
        /// longer than `longest`, or if too many requests of the owner wait. A request that has bytes does not wait for
        /// more: two could wait for each other.
        /// </summary>
        internal async ValueTask<bool> EnterAsync(long bytes, TimeSpan longest, CancellationToken stop)
        {
            if (!await budget.AddAsync(owner, bytes, longest, stop)) return false;
            _bytes += bytes;
            return true;
        }

        public void Dispose() => TryGrowTo(0);

        private bool TryGrowTo(long bytes, long ifAlone)
        {
            if (!budget.TryAdd(owner, bytes - _bytes, ifAlone)) return false;
            _bytes = bytes;
            return true;
        }
    }
}
