namespace Matrix.Host.Network.Slots;

/// <summary>How much of a kind of work is done at once.</summary>
/// <param name="AtOnce">Of all.</param>
public sealed record SlotBounds(int AtOnce)
{
    private const int PartOfUser = 4;
    private const int PartOfUnknown = 2;

    /// <summary>Of what one user, application service or address causes.</summary>
    public int OfUser { get; init; } = Math.Max(1, AtOnce / PartOfUser);

    /// <summary>With one server.</summary>
    public int OfServer { get; init; } = int.MaxValue;

    /// <summary>With all servers that were slow lately.</summary>
    public int OfSlow { get; init; } = Math.Max(1, AtOnce / PartOfUser);

    /// <summary>With all servers that did not answer lately, the slow ones aside.</summary>
    public int OfUnknown { get; init; } = Math.Max(1, AtOnce / PartOfUnknown);
}

/// <summary>
/// Places for the work with other servers that local users cause. Each user has a share, and servers that were slow
/// lately have a few places together, so that neither one user nor silent servers delay what others wait for.
/// </summary>
public sealed class WorkSlots(SlotBounds bounds, ServerPaces paces, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Share> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Share> _servers = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _all = new(bounds.AtOnce);
    private readonly SemaphoreSlim _slow = new(bounds.OfSlow);
    private readonly SemaphoreSlim _unknown = new(bounds.OfUnknown);

    /// <summary>Waits for a place.</summary>
    /// <param name="who">The user, application service or address that causes the work.</param>
    /// <param name="server">The server; null for work here.</param>
    public async ValueTask<WorkSlot> EnterAsync(string who, string? server, CancellationToken stop)
    {
        var slot = new WorkSlot(this, server);
        try
        {
            // The own share first: what waits for it takes nothing from others.
            await TakeAsync(slot, _users, who, bounds.OfUser, stop);
            if (server is not null)
            {
                await TakeAsync(slot, _servers, server, bounds.OfServer, stop);
                var part = paces.Of(server) switch
                {
                    ServerPace.Slow => _slow,
                    ServerPace.Unknown => _unknown,
                    _ => null,
                };
                if (part is not null) await slot.TakeAsync(part, stop);
            }

            await slot.TakeAsync(_all, stop);
            slot.BeganAt = time.GetTimestamp();
            return slot;
        }
        catch
        {
            slot.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _all.Dispose();
        _slow.Dispose();
        _unknown.Dispose();
    }

    internal void Ended(string server, long beganAt, bool isReached) =>
        paces.Ended(server, time.GetElapsedTime(beganAt), isReached);

    private async ValueTask TakeAsync(
        WorkSlot slot, Dictionary<string, Share> shares, string name, int most, CancellationToken stop)
    {
        Share? share;
        lock (_gate)
        {
            if (!shares.TryGetValue(name, out share)) shares.Add(name, share = new Share(new SemaphoreSlim(most)));
            share.Users++;
        }

        slot.OnLeave(() =>
        {
            lock (_gate)
            {
                if (--share.Users == 0) shares.Remove(name);
            }
        });
        await slot.TakeAsync(share.Slots, stop);
    }

    private sealed class Share(SemaphoreSlim slots)
    {
        internal SemaphoreSlim Slots => slots;

        internal int Users { get; set; }
    }
}

/// <summary>A place. Disposing leaves it.</summary>
public sealed class WorkSlot : IDisposable
{
    private readonly Stack<Action> _leaving = new();
    private readonly WorkSlots _owner;
    private readonly string? _server;

    internal WorkSlot(WorkSlots owner, string? server) => (_owner, _server) = (owner, server);

    /// <summary>Whether the server answered; set before the place is left.</summary>
    public bool IsReached { get; set; }

    /// <summary>When the work began.</summary>
    internal long? BeganAt { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_server is not null && BeganAt is { } began) _owner.Ended(_server, began, IsReached);
        BeganAt = null;
        while (_leaving.TryPop(out var leave)) leave();
    }

    internal void OnLeave(Action leave) => _leaving.Push(leave);

    internal async ValueTask TakeAsync(SemaphoreSlim slots, CancellationToken stop)
    {
        await slots.WaitAsync(stop);
        _leaving.Push(() => slots.Release());
    }
}
