using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>
/// Asks application services for users and aliases that do not exist yet. Application Service API, "Querying".
/// </summary>
internal sealed class AppServiceQueries(
    AppServiceDirectory services, AppServiceClient client, AppServiceOptions options, TimeProvider time)
    : IUserQueries, IAliasQueries, IDisposable
{
    private static readonly TimeSpan _retryPause = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim _places = new(options.MaxQueries);

    /// <inheritdoc/>
    async ValueTask<QueryResult> IUserQueries.AskAsync(string userId, CancellationToken stop) =>
        await AskAsync(
            service => userId != service.SenderId && service.HasUser(userId),
            ServicePath.Of("users", userId),
            stop).ConfigureAwait(false);

    /// <inheritdoc/>
    async ValueTask<AliasQueryResult> IAliasQueries.AskAsync(string alias, CancellationToken stop) =>
        await AskAsync(service => service.HasAlias(alias), ServicePath.Of("rooms", alias), stop)
            .ConfigureAwait(false) switch
        {
            QueryResult.Exists => AliasQueryResult.Exists,
            QueryResult.NoAnswer => AliasQueryResult.NoAnswer,
            _ => AliasQueryResult.Unknown,
        };

    public void Dispose() => _places.Dispose();

    /// <summary>A GET of one service, within the bounds of queries.</summary>
    internal async ValueTask<HttpOutcome?> GetAsync(
        AppService service, ServicePath path, IReadOnlyList<(string Name, string Value)> query, CancellationToken stop)
    {
        if (!await _places.WaitAsync(TimeSpan.Zero, stop).ConfigureAwait(false)) return null;
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                var outcome = await client.SendAsync(
                    service, "GET", path, query, body: null, options.QueryTime, stop).ConfigureAwait(false);
                if (outcome.Reply is not null || attempt >= options.QueryAttempts) return outcome;
                await Task.Delay(_retryPause * attempt, time, stop).ConfigureAwait(false);
            }
        }
        finally
        {
            _places.Release();
        }
    }

    private async ValueTask<QueryResult> AskAsync(
        Func<AppService, bool> has, ServicePath path, CancellationToken stop)
    {
        var result = QueryResult.Unknown;
        foreach (var service in services.All)
        {
            if (service.Url is null || !has(service)) continue;
            var outcome = await GetAsync(service, path, [], stop).ConfigureAwait(false);
            if (outcome?.Reply is not { } reply) result = QueryResult.NoAnswer;
            else if (reply.Status is >= 200 and < 300) return QueryResult.Exists;
        }

        return result;
    }
}
