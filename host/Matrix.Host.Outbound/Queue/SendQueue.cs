namespace Matrix.Host.Outbound.Queue;

/// <summary>
/// Gives turns to senders, first come, first served. Only so many send at once, and fewer of those whose last turn
/// failed: receivers that do not answer leave room for the others. Senders that wait for a time share one timer. The
/// queue does not know idle senders.
/// </summary>
internal sealed class SendQueue : IDisposable
{
    /// <summary>Of so many turns one goes to a sender that failed, if there is one.</summary>
    private const int TurnsPerFailed = 4;

    private static readonly TimeSpan _longestTimer = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly Queue<QueuedSender> _ready = new();
    private readonly Queue<QueuedSender> _failed = new();
    private readonly PriorityQueue<QueuedSender, long> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly int _atOnce;
    private readonly int _failedAtOnce;
    private int _sending;
    private int _failedSending;
    private int _senders;
    private int _turns;
    private bool _isStarted;
    private bool _isStopped;

    internal SendQueue(int atOnce, int failedAtOnce, TimeProvider time)
    {
        _atOnce = atOnce;
        _failedAtOnce = Math.Min(failedAtOnce, atOnce);
        _time = time;
        _timer = time.CreateTimer(_ => Due(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Senders that have their turn.</summary>
    internal int Sending
    {
        get
        {
            lock (_gate) return _sending;
        }
    }

    /// <summary>Senders that wait for a turn.</summary>
    internal int Ready
    {
        get
        {
            lock (_gate) return _ready.Count + _failed.Count;
        }
    }

    /// <summary>Senders that wait for a time after a failure.</summary>
    internal int Waiting
    {
        get
        {
            lock (_gate) return _senders - _sending - _ready.Count - _failed.Count;
        }
    }

    /// <summary>Begins to give turns.</summary>
    internal void Start()
    {
        lock (_gate)
        {
            _isStarted = true;
            GiveTurns();
        }
    }

    /// <summary>A sender has something to send. One that waits after a failure goes on waiting.</summary>
    /// <param name="notBefore">An idle sender waits until then, because it failed before it was idle.</param>
    internal void Add(QueuedSender sender, long notBefore = 0)
    {
        lock (_gate)
        {
            if (sender.Status == SenderStatus.Sending) sender.HasNews = true;
            if (sender.Status != SenderStatus.Idle || _isStopped) return;
            _senders++;
            sender.HasFailed = notBefore > 0;
            if (notBefore > Now())
            {
                Wait(sender, notBefore);
                SetTimer();
                return;
            }

            MakeReady(sender);
            GiveTurns();
        }
    }

    /// <summary>
    /// A sender that is idle, or waits after a failure, waits until this time. One that sends waits no longer than that
    /// if it fails.
    /// </summary>
    internal void WaitUntil(QueuedSender sender, long at)
    {
        lock (_gate)
        {
            if (sender.Status == SenderStatus.Sending) sender.WaitsAtMostUntil = at;
            if (_isStopped || sender.Status is not (SenderStatus.Idle or SenderStatus.Waiting)) return;
            if (sender.Status == SenderStatus.Idle) _senders++;
            sender.HasFailed = true;
            Wait(sender, at);
            SetTimer();
        }
    }

    /// <summary>Stops the turns, and returns when all have ended.</summary>
    internal async ValueTask StopAsync()
    {
        lock (_gate)
        {
            _isStopped = true;
            if (_sending == 0) _ended.TrySetResult();
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _ended.Task.ConfigureAwait(false);
    }

    public void Dispose()
    {
        _timer.Dispose();
        _stop.Dispose();
    }

    private void MakeReady(QueuedSender sender)
    {
        sender.Status = SenderStatus.Ready;
        (sender.HasFailed ? _failed : _ready).Enqueue(sender);
    }

    private void Wait(QueuedSender sender, long at)
    {
        sender.Status = SenderStatus.Waiting;
        sender.WaitsUntil = at;
        _waiting.Enqueue(sender, at);
    }

    private void GiveTurns()
    {
        while (_isStarted && !_isStopped && _sending < _atOnce && Next() is { } sender)
        {
            sender.Status = SenderStatus.Sending;
            sender.HasNews = false;
            sender.WaitsAtMostUntil = long.MaxValue;
            _turns++;
            _sending++;
            var hadFailed = sender.HasFailed;
            if (hadFailed) _failedSending++;
            _ = Task.Run(() => TurnAsync(sender, hadFailed));
        }
    }

    private QueuedSender? Next()
    {
        var mayRetry = _failed.Count > 0 && _failedSending < _failedAtOnce;
        if (mayRetry && (_ready.Count == 0 || _turns % TurnsPerFailed == 0)) return _failed.Dequeue();
        return _ready.TryDequeue(out var sender) ? sender : null;
    }

    private async Task TurnAsync(QueuedSender sender, bool hadFailed)
    {
        // A sender that is stopped keeps what it has to send.
        var end = TurnEnd.Idle;
        try
        {
            end = await sender.TakeTurnAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
        finally
        {
            End(sender, hadFailed, end);
        }
    }

    private void End(QueuedSender sender, bool hadFailed, TurnEnd end)
    {
        lock (_gate)
        {
            _sending--;
            if (hadFailed) _failedSending--;
            sender.HasFailed = end.After == AfterTurn.Later;
            if (_isStopped)
            {
                if (_sending == 0) _ended.TrySetResult();
            }
            else if (end.After == AfterTurn.Later)
            {
                Wait(sender, Math.Min(end.At, sender.WaitsAtMostUntil));
                SetTimer();
            }
            else if (end.After == AfterTurn.Again || sender.HasNews)
            {
                MakeReady(sender);
            }
            else
            {
                sender.Status = SenderStatus.Idle;
                _senders--;
            }

            GiveTurns();
        }
    }

    private void Due()
    {
        lock (_gate)
        {
            if (_isStopped) return;
            var now = Now();
            while (_waiting.TryPeek(out var sender, out var at) && (IsStale(sender, at) || at <= now))
            {
                _waiting.Dequeue();
                if (!IsStale(sender, at)) MakeReady(sender);
            }

            SetTimer();
            GiveTurns();
        }
    }

    private void SetTimer()
    {
        while (_waiting.TryPeek(out var sender, out var at) && IsStale(sender, at)) _waiting.Dequeue();
        if (!_waiting.TryPeek(out _, out var first)) return;
        var pause = TimeSpan.FromMilliseconds(Math.Max(0, first - Now()));

        // A clock that is set forward is noticed within this time.
        _timer.Change(pause < _longestTimer ? pause : _longestTimer, Timeout.InfiniteTimeSpan);
    }

    private long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static bool IsStale(QueuedSender sender, long at) =>
        sender.Status != SenderStatus.Waiting || sender.WaitsUntil != at;
}
