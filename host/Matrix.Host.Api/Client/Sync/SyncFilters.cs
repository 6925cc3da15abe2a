using System.Globalization;
using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.Filters;

namespace Matrix.Host.Api.Client.Sync;

/// <summary>
/// Finds the filter of a request, by id or in full. A stored filter never changes, so it is read and parsed once.
/// v1.19 client-server-api#filtering
/// </summary>
internal sealed class SyncFilters(FiltersTable filtersTable, ClientOptions options)
{
    private readonly ByteCache<(string UserId, long FilterId), SyncFilter> _stored = new(
        options.FilterCacheBytes, static _ => 2048);

    /// <summary>The filter that the query parameter names or contains, or the error.</summary>
    internal async ValueTask<(SyncFilter Filter, Answer? Problem)> FindAsync(
        string userId, string? parameter, CancellationToken stop)
    {
        if (parameter is null) return (SyncFilter.Everything, null);
        if (parameter.StartsWith('{')) return Parse(parameter);
        if (!long.TryParse(parameter, NumberStyles.None, CultureInfo.InvariantCulture, out long id)) return Unknown;
        if (_stored.TryGet((userId, id), out var known)) return (known, null);

        if (await filtersTable.FindAsync(userId, id, stop) is not { } stored
            || !JsonText.TryParseStored(stored.Span, out var json))
        {
            return Unknown;
        }

        var (filter, problem) = Read(json);
        if (problem is null) _stored.Put((userId, id), filter);
        return (filter, problem);
    }

    /// <summary>Parses a filter, or returns the error.</summary>
    internal static (SyncFilter Filter, Answer? Problem) Read(JsonObject json) => SyncFilter.Parse(json).Match(
        static filter => (filter, (Answer?)null),
        static fault => (SyncFilter.Everything, Answer.Error(400, fault.ErrCode, fault.ToString())));

    private static (SyncFilter Filter, Answer? Problem) Parse(string text) =>
        JsonText.TryParseObject(
            Encoding.UTF8.GetBytes(text),
            Matrix.Core.Json.Reading.Client,
            JsonText.ClientBodyLimits,
            out var json,
            out _)
            ? Read(json)
            : (SyncFilter.Everything, Answer.Error(400, MatrixError.NotJson, "The filter is not JSON."));

    private static (SyncFilter, Answer?) Unknown =>
        (SyncFilter.Everything, Answer.InvalidParam("There is no such filter."));
}
