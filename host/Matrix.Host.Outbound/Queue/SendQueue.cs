using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Outbound.Queue;

/// <summary>
/// Starts the attempts of senders, first come, first served. Only so many send at once, and fewer of those whose
/// receivers failed, are slow, or have not answered yet: they leave room for the others. A receiver is healthy only
/// after a success since its last failure. Senders that wait for a time share one timer. The queue does not know idle
/// senders. Nothing is sent while this node does not know what the others committed.
/// </summary>
internal sealed class SendQueue : IDisposable
{
    /// <summary>Of so many attempts one goes to a sender that is not healthy, if there is one.</summary>
    private const int AttemptsPerLimited = 4;

    /// <summary>
    /// Of so many attempts of senders that are not healthy one goes to a failing one, if there is one.
    /// </summary>
    private const int AttemptsPerFailing = 4;

    private static readonly TimeSpan _longestTimer = TimeSpan.FromHours(1);

    /// <summary>How often a node that may not send looks whether it may again.</summary>
    private static readonly TimeSpan _looksAgain = TimeSpan.FromMilliseconds(200);

    /// <summary>The pause of a sender whose attempt threw.</summary>
    private static readonly TimeSpan _faultPause = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Queue<QueuedSender> _ready = new();
    private readonly Queue<QueuedSender> _new = new();
    private readonly Queue<QueuedSender> _slow = new();
    private readonly Queue<QueuedSender> _failing = new();
    private readonly PriorityQueue<QueuedSender, long> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly int _atOnce;
    private readonly int _limitedAtOnce;
    private readonly TimeSpan _slowAfter;
    private readonly StorageLevel _level;
    private readonly Action<Exception>? _onFault;
    private int _sending;
    private int _limitedSending;
    private int _failingSending;
    private int _senders;
    private int _attempts;
    private int _limitedAttempts;
    private bool _isHeld;
    private bool _isStarted;
    private bool _isStopped;

    /// <param name="atOnce">The most attempts at once.</param>
    /// <param name="limitedAtOnce">The most of them that are not healthy.</param>
    /// <param name="slowAfter">An attempt that takes this long makes a sender slow.</param>
    /// <param name="level">Whether this node may send.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onFault">Is told of an attempt that threw: a defect, which costs the sender a pause.</param>
    internal SendQueue(
        int atOnce, int limitedAtOnce, TimeSpan slowAfter, StorageLevel level, TimeProvider time,
        Action<Exception>? onFault = null)
    {
        _level = level;
        _onFault = onFault;
        _atOnce = atOnce;
        _limitedAtOnce = Math.Min(limitedAtOnce, atOnce);
        _slowAfter = slowAfter;
        _time = time;
        _timer = time.CreateTimer(_ => Due(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Senders whose attempt runs.</summary>
    internal int Sending
    {
        get
        {
            lock (_gate) return _sending;
        }
    }

    /// <summary>Senders that wait for an attempt.</summary>
    internal int Ready
    {
        get
        {
            lock (_gate) return ReadyCount;
        }
    }

    /// <summary>Senders that wait for a time after a failure.</summary>
    internal int Waiting
    {
        get
        {
            lock (_gate) return _senders - _sending - ReadyCount;
        }
    }

    /// <summary>Begins to start attempts.</summary>
    internal void Start()
    {
        lock (_gate)
        {
            _isStarted = true;
            StartAttempts();
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
            if (notBefore > 0) sender.Class = SenderClass.Failing;
            if (notBefore > Now())
            {
                Wait(sender, notBefore);
                SetTimer();
                return;
            }

            MakeReady(sender);
            StartAttempts();
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
            sender.Class = SenderClass.Failing;
            Wait(sender, at);
            SetTimer();
        }
    }

    /// <summary>Stops the attempts, and returns when all have ended.</summary>
    internal async ValueTask StopAsync()
    {
        lock (_gate)
        {
            _isStopped = true;
            if (_sending == 0) _ended.TrySetResult();
        }

        await _stop.CancelAsync();
        await _ended.Task;
    }

    public void Dispose()
    {
        _timer.Dispose();
        _stop.Dispose();
    }

    private void MakeReady(QueuedSender sender)
    {
        sender.Status = SenderStatus.Ready;
        var line = sender.Class switch
        {
            SenderClass.Healthy => _ready,
            SenderClass.New => _new,
            SenderClass.Slow => _slow,
            _ => _failing,
        };
        line.Enqueue(sender);
    }

    private int ReadyCount => _ready.Count + LimitedReady;

    private int LimitedReady => _new.Count + _slow.Count + _failing.Count;

    private void Wait(QueuedSender sender, long at)
    {
        sender.Status = SenderStatus.Waiting;
        sender.WaitsUntil = at;
        _waiting.Enqueue(sender, at);
    }

    private void StartAttempts()
    {
        if (MustHold()) return;
        while (_isStarted && !_isStopped && _sending < _atOnce && Next() is { } sender)
        {
            sender.Status = SenderStatus.Sending;
            sender.HasNews = false;
            sender.WaitsAtMostUntil = long.MaxValue;
            _attempts++;
            _sending++;
            var before = sender.Class;
            if (before != SenderClass.Healthy) _limitedSending++;
            if (before == SenderClass.Failing) _failingSending++;

            // An attempt that a worker starts would be the worker's next task, before those of others that wait longer.
            _ = Task.Factory.StartNew(
                () => AttemptAsync(sender, before),
                CancellationToken.None,
                TaskCreationOptions.DenyChildAttach | TaskCreationOptions.PreferFairness,
                TaskScheduler.Default);
        }
    }

    /// <summary>Whether nothing may be sent now. Then it is looked again.</summary>
    private bool MustHold()
    {
        _isHeld = ReadyCount > 0 && !_level.IsCurrent;
        if (_isHeld) SetTimer();
        return _isHeld;
    }

    private QueuedSender? Next()
    {
        if ((_ready.Count == 0 || _attempts % AttemptsPerLimited == 0)
            && _limitedSending < _limitedAtOnce
            && NextLimited() is { } limited)
        {
            _limitedAttempts++;
            return limited;
        }

        return _ready.TryDequeue(out var sender) ? sender : null;
    }

    /// <summary>
    /// The next sender that is not healthy. A quarter of their places stays free of failing ones, so that a receiver
    /// without a response yet does not wait for those that time out.
    /// </summary>
    private QueuedSender? NextLimited()
    {
        var mayRetry = _failing.Count > 0 && _failingSending < ((3 * _limitedAtOnce) + 3) / 4;
        if (mayRetry && _limitedAttempts % AttemptsPerFailing == AttemptsPerFailing - 1) return _failing.Dequeue();
        if (_new.TryDequeue(out var sender) || _slow.TryDequeue(out sender)) return sender;
        return mayRetry ? _failing.Dequeue() : null;
    }

    private async Task AttemptAsync(QueuedSender sender, SenderClass before)
    {
        var started = _time.GetTimestamp();

        // A sender that is stopped keeps what it has to send.
        var end = AttemptResult.Idle;
        try
        {
            end = await sender.AttemptAsync(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
#pragma warning disable CA1031 // An idle sender would not be woken for what it still has to send.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            end = AttemptResult.Later(Now() + (long)_faultPause.TotalMilliseconds);
            _onFault?.Invoke(fault);
        }
        finally
        {
            End(sender, before, end, _time.GetElapsedTime(started));
        }
    }

    private void End(QueuedSender sender, SenderClass before, AttemptResult end, TimeSpan took)
    {
        lock (_gate)
        {
            _sending--;
            if (before != SenderClass.Healthy) _limitedSending--;
            if (before == SenderClass.Failing) _failingSending--;
            if (end.After == AfterAttempt.Later) sender.Class = SenderClass.Failing;
            else if (end.HasSucceeded) sender.Class = took < _slowAfter ? SenderClass.Healthy : SenderClass.Slow;
            if (_isStopped)
            {
                if (_sending == 0) _ended.TrySetResult();
            }
            else if (end.After == AfterAttempt.Later)
            {
                Wait(sender, Math.Min(end.At, sender.WaitsAtMostUntil));
                SetTimer();
            }
            else if (end.After == AfterAttempt.Again || sender.HasNews)
            {
                MakeReady(sender);
            }
            else
            {
                sender.Status = SenderStatus.Idle;
                _senders--;
            }

            StartAttempts();
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
            StartAttempts();
        }
    }

    private void SetTimer()
    {
        while (_waiting.TryPeek(out var sender, out var at) && IsStale(sender, at)) _waiting.Dequeue();
        var isWaiting = _waiting.TryPeek(out _, out var first);
        if (!isWaiting && !_isHeld) return;

        // A clock that is set forward is noticed within this time.
        var most = _isHeld ? _looksAgain : _longestTimer;
        var pause = isWaiting ? TimeSpan.FromMilliseconds(Math.Max(0, first - Now())) : most;
        _timer.Change(pause < most ? pause : most, Timeout.InfiniteTimeSpan);
    }

    private long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static bool IsStale(QueuedSender sender, long at) =>
        sender.Status != SenderStatus.Waiting || sender.WaitsUntil != at;
}
