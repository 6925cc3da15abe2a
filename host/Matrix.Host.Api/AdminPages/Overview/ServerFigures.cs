using Matrix.Host.Api.Http;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.UserListing;

namespace Matrix.Host.Api.AdminPages.Overview;

/// <summary>The figures of the server at a moment.</summary>
/// <param name="Counted">Those that cost a query, and are some seconds old.</param>
/// <param name="Minute">The last minute, by second.</param>
/// <param name="Syncs">Syncs in progress.</param>
/// <param name="Errors">Failed requests of the last hour.</param>
/// <param name="Memory">Bytes of memory of the process.</param>
/// <param name="Load">What waits to be sent to other servers.</param>
/// <param name="Failing">Other servers that do not answer.</param>
/// <param name="Running">How long the server has been running.</param>
internal sealed record OverviewFigures(
    CountedFigures Counted,
    IReadOnlyList<(int Requests, int Sends, int Errors)> Minute,
    int Syncs,
    int Errors,
    long Memory,
    OutboundLoad Load,
    IReadOnlyList<KnownServer> Failing,
    TimeSpan Running);

/// <summary>Figures of the database.</summary>
internal sealed record CountedFigures(long Users, long Deactivated, long Rooms, long DatabaseBytes, string Engine);

/// <summary>Gathers the figures.</summary>
internal sealed class ServerFigures(
    RoomsTable roomsTable,
    UserListTable userListTable,
    IStorageAdmin storageAdmin,
    RequestCounts counts,
    FederationOutbound outbound,
    TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan _countedFor = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly DateTimeOffset _startedAt = clock.GetUtcNow();
    private CountedFigures? _counted;
    private DateTimeOffset _countedAt;

    /// <summary>The figures now.</summary>
    internal async ValueTask<OverviewFigures> NowAsync(CancellationToken stop)
    {
        var counted = await CountAsync(stop);
        return new OverviewFigures(
            counted,
            counts.LastMinute(),
            counts.Syncs,
            counts.ErrorsOfLastHour(),
            Environment.WorkingSet,
            outbound.Load,
            [.. outbound.Known.Where(static server => server.Failures > 0)],
            clock.GetUtcNow() - _startedAt);
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async ValueTask<CountedFigures> CountAsync(CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        try
        {
            if (_counted is { } known && clock.GetUtcNow() - _countedAt < _countedFor) return known;
            var all = await userListTable.CountAsync(new UserQuery(), stop);
            var ended = await userListTable.CountAsync(new UserQuery { IsDeactivated = true }, stop);
            _counted = new CountedFigures(
                all - ended,
                ended,
                await roomsTable.CountAsync(stop),
                await storageAdmin.BytesAsync(stop),
                storageAdmin.Engine);
            _countedAt = clock.GetUtcNow();
            return _counted;
        }
        finally
        {
            _turn.Release();
        }
    }
}
