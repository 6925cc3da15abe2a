using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Admin.Moderation;

/// <summary>
/// The responses to the last notices by their transaction ids, in memory. One notice with a transaction id is sent at a
/// time.
/// </summary>
internal sealed class SentNotices : IDisposable
{
    private const int Most = 1000;

    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<(string Admin, string TransactionId), Answer> _sent = [];
    private readonly Queue<(string Admin, string TransactionId)> _byAge = new();

    /// <summary>Sends a notice, or returns the response to the first request with the same transaction id.</summary>
    internal async ValueTask<Answer> OnceAsync(
        (string Admin, string TransactionId) key, Func<ValueTask<Answer>> send, CancellationToken stop)
    {
        await _turn.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (_sent.TryGetValue(key, out var before)) return before;
            var answer = await send().ConfigureAwait(false);
            if (answer.Status != 200) return answer;
            while (_byAge.Count >= Most) _sent.Remove(_byAge.Dequeue());
            _byAge.Enqueue(key);
            return _sent[key] = answer;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();
}
