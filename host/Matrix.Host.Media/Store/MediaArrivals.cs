namespace Matrix.Host.Media.Store;

/// <summary>Downloads that wait until the content of a URI is uploaded.</summary>
internal sealed class MediaArrivals(MediaOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Arrival> _arrivals = new(StringComparer.Ordinal);
    private int _waiting;

    /// <summary>The content of this URI was uploaded.</summary>
    internal void Arrived(string mediaId)
    {
        lock (_gate)
        {
            if (_arrivals.Remove(mediaId, out var arrival)) arrival.Came.TrySetResult();
        }
    }

    /// <summary>
    /// Begins to wait for a content; null if too many wait. What is read after this began may have the content already.
    /// </summary>
    internal Waiting? Begin(string mediaId)
    {
        lock (_gate)
        {
            if (_waiting >= options.WaitingDownloads) return null;
            _waiting++;
            if (!_arrivals.TryGetValue(mediaId, out var arrival)) _arrivals[mediaId] = arrival = new Arrival();
            arrival.Waiting++;
            return new Waiting(this, mediaId, arrival, time);
        }
    }

    private void End(string mediaId, Arrival arrival)
    {
        lock (_gate)
        {
            _waiting--;
            if (--arrival.Waiting == 0 && _arrivals.TryGetValue(mediaId, out var known) && known == arrival)
            {
                _arrivals.Remove(mediaId);
            }
        }
    }

    /// <summary>The content that some downloads wait for.</summary>
    internal sealed class Arrival
    {
        internal TaskCompletionSource Came { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal int Waiting { get; set; }
    }

    /// <summary>A download that waits, until it is disposed.</summary>
    internal sealed class Waiting(MediaArrivals arrivals, string mediaId, Arrival arrival, TimeProvider time)
        : IDisposable
    {
        /// <summary>Waits at most this long.</summary>
        internal async ValueTask WaitAsync(TimeSpan longest, CancellationToken stop)
        {
            try
            {
                await arrival.Came.Task.WaitAsync(longest, time, stop);
            }
            catch (TimeoutException)
            {
                // The caller looks whether there is content now.
            }
        }

        public void Dispose() => arrivals.End(mediaId, arrival);
    }
}
