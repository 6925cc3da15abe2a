namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Lets consumers that missed changes read these from storage, each on a task of its own, one range after the other. A
/// range that fails is read again after a pause. Thread-safe.
/// </summary>
internal sealed class Restorations(WriterMetrics metrics) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<IRestoredConsumer, Line> _lines = [];
    private readonly CancellationTokenSource _stop = new();
    private bool _isEnded;

    /// <summary>A consumer missed the changes after one position and up to another.</summary>
    internal void Add(IRestoredConsumer consumer, long after, long through)
    {
        lock (_gate)
        {
            if (_isEnded) return;
            if (!_lines.TryGetValue(consumer, out var line))
            {
                _lines.Add(consumer, line = new Line(consumer, metrics, _stop.Token));
            }

            line.Add(after, through);
        }
    }

    /// <summary>Ends what runs. Nothing begins later.</summary>
    public async ValueTask DisposeAsync()
    {
        Line[] lines;
        lock (_gate)
        {
            if (_isEnded) return;
            _isEnded = true;
            lines = [.. _lines.Values];
        }

        await _stop.CancelAsync();
        foreach (var line in lines) await line.EndAsync();
        _stop.Dispose();
    }

    /// <summary>The ranges of one consumer.</summary>
    private sealed class Line(IRestoredConsumer consumer, WriterMetrics metrics, CancellationToken stop)
    {
        private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(100);
        private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(30);

        /// <summary>The most ranges that wait. Further ones widen the last.</summary>
        private const int MostRanges = 64;

        private readonly Lock _gate = new();
        private readonly List<(long After, long Through)> _waiting = [];
        private Task _running = Task.CompletedTask;
        private bool _isRunning;

        internal void Add(long after, long through)
        {
            lock (_gate)
            {
                var place = _waiting.FindIndex(each => each.Through >= after && each.After <= through);
                if (place < 0 && _waiting.Count == MostRanges) place = MostRanges - 1;
                if (place < 0)
                {
                    _waiting.Add((after, through));
                }
                else
                {
                    var wider = _waiting[place];
                    _waiting[place] = (Math.Min(wider.After, after), Math.Max(wider.Through, through));
                }

                if (_isRunning) return;
                _isRunning = true;
                _running = Task.Run(RunAsync, CancellationToken.None);
            }
        }

        internal Task EndAsync()
        {
            lock (_gate) return _running;
        }

        private async Task RunAsync()
        {
            for (var pause = _firstPause; Take() is var (after, through);)
            {
                try
                {
                    await consumer.RestoreAsync(after, through, stop);
                    pause = _firstPause;
                }
#pragma warning disable CA1031 // Storage may fail for a while.
                catch (Exception fault)
#pragma warning restore CA1031
                {
                    if (stop.IsCancellationRequested) return;
                    metrics.ConsumerFailed(fault);

                    // Behind the others: what one range cannot be read for does not keep them waiting.
                    Add(after, through);
                    await Task.Delay(pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    pause = pause * 2 < _longestPause ? pause * 2 : _longestPause;
                }
            }
        }

        /// <summary>The next range; null if none waits, and then <see cref="Add"/> begins anew.</summary>
        private (long After, long Through)? Take()
        {
            lock (_gate)
            {
                if (_waiting.Count == 0 || stop.IsCancellationRequested)
                {
                    _isRunning = false;
                    return null;
                }

                var first = _waiting[0];
                _waiting.RemoveAt(0);
                return first;
            }
        }
    }
}
