namespace Matrix.Host.Api.Http;

/// <summary>
/// What was requested in the last minute, by second, and which requests failed in the last hour, by minute: the figures
/// of the admin page.
/// </summary>
public sealed class RequestCounts(TimeProvider clock)
{
    private const int Slots = 60;

    private readonly Lock _lock = new();
    private readonly Slot[] _seconds = new Slot[Slots];
    private readonly Slot[] _minutes = new Slot[Slots];
    private int _syncs;

    private struct Slot
    {
        public long At;
        public int Requests;
        public int Sends;
        public int Errors;
    }

    /// <summary>The syncs in progress: each client has one, mostly.</summary>
    public int Syncs => Volatile.Read(ref _syncs);

    /// <summary>A request came to a route. Returns whether it is a sync.</summary>
    internal bool Began(string template)
    {
        var isSync = template.EndsWith("/sync", StringComparison.Ordinal);
        if (isSync) Interlocked.Increment(ref _syncs);
        return isSync;
    }

    /// <summary>A request was answered.</summary>
    internal void Ended(string method, string template, int status, bool isSync)
    {
        if (isSync) Interlocked.Decrement(ref _syncs);
        var sends = method == "PUT" && IsSend(template) ? 1 : 0;
        var errors = status >= 500 ? 1 : 0;
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        lock (_lock)
        {
            Add(_seconds, now, sends, errors);
            Add(_minutes, now / 60, sends, errors);
        }
    }

    /// <summary>The requests, the events that clients sent, and the failures of each of the last seconds.</summary>
    public IReadOnlyList<(int Requests, int Sends, int Errors)> LastMinute() =>
        Read(_seconds, clock.GetUtcNow().ToUnixTimeSeconds());

    /// <summary>The requests of the last hour that failed because of this server.</summary>
    public int ErrorsOfLastHour() =>
        Read(_minutes, clock.GetUtcNow().ToUnixTimeSeconds() / 60).Sum(static minute => minute.Errors);

    private static bool IsSend(string template) =>
        template.EndsWith("/send/{eventType}/{txnId}", StringComparison.Ordinal)
        || template.EndsWith("/state/{eventType}/{stateKey?}", StringComparison.Ordinal);

    private static void Add(Slot[] slots, long at, int sends, int errors)
    {
        ref var slot = ref slots[at % Slots];
        if (slot.At != at) slot = new Slot { At = at };
        slot.Requests++;
        slot.Sends += sends;
        slot.Errors += errors;
    }

    /// <summary>The slots from the oldest to that of now, which is not full yet.</summary>
    private (int Requests, int Sends, int Errors)[] Read(Slot[] slots, long now)
    {
        var read = new (int, int, int)[Slots];
        lock (_lock)
        {
            for (var i = 0; i < Slots; i++)
            {
                var at = now - Slots + 1 + i;
                var slot = slots[at % Slots];
                if (slot.At == at) read[i] = (slot.Requests, slot.Sends, slot.Errors);
            }
        }

        return read;
    }
}
