namespace Matrix.Host.Users.RemoteKeys;

/// <summary>
/// The users whose lists are to be fetched, each at a time of its own. Only so many are fetched at once, and fewer of
/// one server; servers take turns. Thread-safe.
/// </summary>
internal sealed class FetchQueue : IDisposable
{
    private static readonly TimeSpan _longestTimer = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly PriorityQueue<(string UserId, string Server, long At), long> _waiting = new();

    /// <summary>When each user is due. An entry of the waiting line with another time is stale.</summary>
    private readonly Dictionary<string, long> _due = new(StringComparer.Ordinal);

    private readonly Dictionary<string, ServerLine> _lines = new(StringComparer.Ordinal);
    private readonly Queue<ServerLine> _turns = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly int _atOnce;
    private readonly int _ofServerAtOnce;
    private int _running;
    private bool _isDisposed;

    internal FetchQueue(int atOnce, int ofServerAtOnce, TimeProvider time)
    {
        _atOnce = atOnce;
        _ofServerAtOnce = ofServerAtOnce;
        _time = time;
        _timer = time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The list of a user is to be fetched at this time, in milliseconds; an earlier time stays.</summary>
    internal void Add(string userId, string server, long at)
    {
        lock (_gate)
        {
            if (_due.TryGetValue(userId, out var known) && known <= at) return;
            _due[userId] = at;
            _waiting.Enqueue((userId, server, at), at);
            Wake();
        }
    }

    /// <summary>Fetches what is due, until it is stopped. Returns when all fetches have ended.</summary>
    internal async Task RunAsync(Func<string, CancellationToken, Task> fetch, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                while (Next() is { } next) _ = Task.Run(() => FetchAsync(next.UserId, next.Line, fetch, stop), stop);
                await _news.WaitAsync(stop);
            }
        }
        finally
        {
            while (IsRunning)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), _time, CancellationToken.None);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer.Dispose();
            _news.Dispose();
        }
    }

    private bool IsRunning
    {
        get
        {
            lock (_gate) return _running > 0;
        }
    }

    private async Task FetchAsync(
        string userId, ServerLine line, Func<string, CancellationToken, Task> fetch, CancellationToken stop)
    {
        try
        {
            await fetch(userId, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        finally
        {
            lock (_gate)
            {
                _running--;
                line.Running--;
                if (line.Users.Count > 0) _turns.Enqueue(line);
                else if (line.Running == 0) _lines.Remove(line.Server);
                Wake();
            }
        }
    }

    /// <summary>The next fetch to start; null if there is none now.</summary>
    private (string UserId, ServerLine Line)? Next()
    {
        lock (_gate)
        {
            TakeDue();
            while (_running < _atOnce && _turns.TryDequeue(out var line))
            {
                // A line that is skipped here comes again when one of its fetches ends.
                if (line.Running >= _ofServerAtOnce || !line.Users.TryDequeue(out var userId)) continue;
                line.Running++;
                _running++;
                if (line.Users.Count > 0) _turns.Enqueue(line);
                return (userId, line);
            }

            return null;
        }
    }

    private void TakeDue()
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        while (_waiting.TryPeek(out var first, out _))
        {
            var isStale = !_due.TryGetValue(first.UserId, out var at) || at != first.At;
            if (!isStale && first.At > now)
            {
                var pause = TimeSpan.FromMilliseconds(first.At - now);

                // A clock that is set forward is noticed within this time.
                _timer.Change(pause < _longestTimer ? pause : _longestTimer, Timeout.InfiniteTimeSpan);
                return;
            }

            _waiting.Dequeue();
            if (isStale) continue;
            _due.Remove(first.UserId);
            if (!_lines.TryGetValue(first.Server, out var line))
            {
                _lines.Add(first.Server, line = new ServerLine(first.Server));
            }

            line.Users.Enqueue(first.UserId);
            _turns.Enqueue(line);
        }
    }

    private void Wake()
    {
        if (!_isDisposed && _news.CurrentCount == 0) _news.Release();
    }

    /// <summary>The users of a server that are due.</summary>
    private sealed class ServerLine(string server)
    {
        internal string Server { get; } = server;

        internal Queue<string> Users { get; } = new();

        internal int Running { get; set; }
    }
}
