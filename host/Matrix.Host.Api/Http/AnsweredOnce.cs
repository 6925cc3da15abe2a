using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Api.Http;

/// <summary>
/// The responses to the last requests with a transaction id, in memory: a request that is sent again gets the response
/// to the first. Failures are forgotten, so that they can be tried again. They belong to what the requests belong to.
/// Those of a shard that was away stay true, but what another node answered meanwhile is not known here.
/// </summary>
/// <param name="most">The most responses; the oldest are forgotten.</param>
internal sealed class AnsweredOnce(int most, ShardGates gates)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Lazy<Task<Answer>>> _answers = new(StringComparer.Ordinal);
    private readonly Queue<string> _byAge = new();

    /// <summary>Handles a request, or returns the response to the first one with the same key.</summary>
    /// <param name="owner">What the request belongs to: the same for each repetition.</param>
    /// <param name="userId">The caller.</param>
    /// <param name="request">The caller's device, the operation and the transaction id.</param>
    internal async ValueTask<Answer> OnceAsync(
        Authority owner, string userId, string request, Func<ValueTask<Answer>> handle, CancellationToken stop)
    {
        using var visit = gates.Enter(owner);
        var key = $"{userId} {request}";
        while (true)
        {
            var own = new Lazy<Task<Answer>>(() => HandleAsync(owner, key, handle));
            var first = FirstOf(key, own);
            try
            {
                return await first.Value.WaitAsync(stop);
            }
            catch (OperationCanceledException) when (first != own && !stop.IsCancellationRequested)
            {
                // The client of the first request has gone before it was handled.
            }
        }
    }

    private Lazy<Task<Answer>> FirstOf(string key, Lazy<Task<Answer>> own)
    {
        lock (_gate)
        {
            if (_answers.TryGetValue(key, out var before)) return before;
            while (_byAge.Count >= most) _answers.Remove(_byAge.Dequeue());
            _byAge.Enqueue(key);
            return _answers[key] = own;
        }
    }

    private async Task<Answer> HandleAsync(Authority owner, string key, Func<ValueTask<Answer>> handle)
    {
        var isDone = false;
        try
        {
            // It goes on when the first client has gone.
            using var visit = gates.Enter(owner);
            var answer = await handle();
            isDone = answer.Status == 200;
            return isDone ? Answer.Bytes(answer.ToArray()) : answer;
        }
        finally
        {
            // Its place in the queue stays, and is used by another request with the key or falls out in its turn.
            if (!isDone)
            {
                lock (_gate) _answers.Remove(key);
            }
        }
    }
}
