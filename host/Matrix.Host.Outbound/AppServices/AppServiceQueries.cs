using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>
/// Asks application services for users and aliases that do not exist yet. v1.19 application-service-api#querying
/// </summary>
internal sealed class AppServiceQueries(
    AppServiceDirectory services, AppServiceClient client, AppServiceOptions options, TimeProvider time)
    : IUserQueries, IAliasQueries, IDisposable
{
    private static readonly TimeSpan _retryPause = TimeSpan.FromMilliseconds(200);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _end = new();

    /// <summary>Whether the server stops: no query begins any more.</summary>
    private bool _ended;

    /// <summary>The queries that run, by service and request.</summary>
    private readonly Dictionary<(string Service, string Request), Task<HttpOutcome>> _running = [];

    /// <inheritdoc/>
    async ValueTask<QueryResult> IUserQueries.AskAsync(string userId, CancellationToken stop) =>
        await AskAsync(
            service => userId != service.SenderId && service.HasUser(userId),
            // v1.19 application-service-api#get_matrixappv1usersuserid
            ServicePath.Of("users", userId),
            stop);

    /// <inheritdoc/>
    async ValueTask<AliasQueryResult> IAliasQueries.AskAsync(string alias, CancellationToken stop) =>
        // v1.19 application-service-api#get_matrixappv1roomsroomalias
        await AskAsync(service => service.HasAlias(alias), ServicePath.Of("rooms", alias), stop) switch
        {
            QueryResult.Exists => AliasQueryResult.Exists,
            QueryResult.NoAnswer => AliasQueryResult.NoAnswer,
            _ => AliasQueryResult.Unknown,
        };

    public void Dispose()
    {
        // It is registered under several interfaces, and disposed for each.
        lock (_gate)
        {
            if (_ended) return;
            _ended = true;
        }

        _end.Cancel();
        _end.Dispose();
    }

    /// <summary>
    /// A GET of one service, within the bounds of queries: null if too many run, or the server stops. Equal ones at the
    /// same time are one request. A service may have half of the places, so that one that hangs leaves places for the
    /// others.
    /// </summary>
    internal async ValueTask<HttpOutcome?> GetAsync(
        AppService service, ServicePath path, IReadOnlyList<(string Name, string Value)> query, CancellationToken stop)
    {
        var key = (service.Id, Request: string.Join('\n', query.Select(static each => $"{each.Name}={each.Value}")
            .Prepend(path.Path)));
        Task<HttpOutcome>? running;
        lock (_gate)
        {
            if (_ended) return null;
            if (!_running.TryGetValue(key, out running))
            {
                if (_running.Count >= options.MaxQueries) return null;
                var ofService = _running.Keys.Count(each => each.Service == service.Id);
                if (ofService >= Math.Max(1, options.MaxQueries / 2)) return null;
                var end = _end.Token;
                _running[key] = running = Task.Run(() => RunAsync(service, path, query, end), end);
                _ = running.ContinueWith(_ => Ended(key), TaskScheduler.Default);
            }
        }

        try
        {
            return await running.WaitAsync(stop);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return null;
        }
    }

    private void Ended((string Service, string Request) key)
    {
        lock (_gate) _running.Remove(key);
    }

    private async Task<HttpOutcome> RunAsync(
        AppService service, ServicePath path, IReadOnlyList<(string Name, string Value)> query, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            var outcome = await client.SendAsync(service, "GET", path, query, body: null, options.QueryTime, stop);
            if (outcome.Reply is not null || attempt >= options.QueryAttempts) return outcome;
            await Task.Delay(_retryPause * attempt, time, stop);
        }
    }

    private async ValueTask<QueryResult> AskAsync(
        Func<AppService, bool> has, ServicePath path, CancellationToken stop)
    {
        var result = QueryResult.Unknown;
        foreach (var service in services.All)
        {
            if (service.Url is null || !has(service)) continue;
            var outcome = await GetAsync(service, path, [], stop);
            if (outcome?.Reply is not { } reply) result = QueryResult.NoAnswer;
            else if (reply.Status is >= 200 and < 300) return QueryResult.Exists;
        }

        return result;
    }
}
