using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Media.Store;

/// <summary>Downloads that wait until the content of a URI is uploaded, to this node or another one.</summary>
public sealed class MediaArrivals(MediaOptions options, TimeProvider time) : IChangeConsumer
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Arrival> _arrivals = new(StringComparer.Ordinal);
    private int _waiting;

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not MediaUploaded { Media.MediaId: var mediaId }) return;
        lock (_gate)
        {
            if (_arrivals.Remove(mediaId, out var arrival)) arrival.Came.TrySetResult();
        }
    }

    /// <summary>All look whether their content was among what was missed.</summary>
    public void Missed(long through)
    {
        lock (_gate)
        {
            foreach (var arrival in _arrivals.Values) arrival.Came.TrySetResult();
            _arrivals.Clear();
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
            return new Waiting(this, mediaId, time, Join(mediaId));
        }
    }

    private Arrival Join(string mediaId)
    {
        if (!_arrivals.TryGetValue(mediaId, out var arrival)) _arrivals[mediaId] = arrival = new Arrival();
        arrival.Waiting++;
        return arrival;
    }

    private Arrival Rejoin(string mediaId, Arrival former)
    {
        lock (_gate)
        {
            Leave(mediaId, former);
            return Join(mediaId);
        }
    }

    private void End(string mediaId, Arrival arrival)
    {
        lock (_gate)
        {
            _waiting--;
            Leave(mediaId, arrival);
        }
    }

    private void Leave(string mediaId, Arrival arrival)
    {
        if (--arrival.Waiting == 0 && _arrivals.TryGetValue(mediaId, out var known) && known == arrival)
        {
            _arrivals.Remove(mediaId);
        }
    }

    /// <summary>The content that some downloads wait for.</summary>
    internal sealed class Arrival
    {
        internal TaskCompletionSource Came { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal int Waiting { get; set; }
    }

    /// <summary>A download that waits, until it is disposed.</summary>
    internal sealed class Waiting(MediaArrivals arrivals, string mediaId, TimeProvider time, Arrival first)
        : IDisposable
    {
        private Arrival _arrival = first;

        /// <summary>Waits at most this long until something is as wanted. Looks once at least, and at the end.
        /// </summary>
        internal async ValueTask WaitAsync(
            TimeSpan longest, Func<ValueTask<bool>> isHereAsync, CancellationToken stop)
        {
            var began = time.GetTimestamp();
            while (!await isHereAsync())
            {
                var left = longest - time.GetElapsedTime(began);
                if (left <= TimeSpan.Zero) return;
                if (await CameAsync(left, stop)) _arrival = arrivals.Rejoin(mediaId, _arrival);
            }
        }

        public void Dispose() => arrivals.End(mediaId, _arrival);

        private async ValueTask<bool> CameAsync(TimeSpan longest, CancellationToken stop)
        {
            try
            {
                await _arrival.Came.Task.WaitAsync(longest, time, stop);
                return true;
            }
            catch (TimeoutException)
            {
                return false;
            }
        }
    }
}
