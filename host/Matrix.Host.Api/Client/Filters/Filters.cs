using System.Globalization;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Filters;

namespace Matrix.Host.Api.Client.Filters;

/// <summary>Filters that clients keep on the server. Client-Server API, "Filtering".</summary>
internal sealed class Filters(IStorage storage, ClientOptions options) : IEndpoints
{
    private static readonly Answer _notYours = Answer.Forbidden("Filters are their user's alone.");
    private static readonly Answer _none = Answer.NotFound("There is no such filter.");

    public void Map(ClientRoutes routes)
    {
        routes.Post("user/{userId}/filter", static body => body.Whole, PostAsync);
        routes.Get("user/{userId}/filter/{filterId}", GetAsync);
    }

    private async ValueTask<Answer> PostAsync(Call call, JsonObject filter, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var refusal = SyncFilter.Parse(filter).Match(static _ => null, static error => (Answer?)Answer.Error(400, error.ErrCode, error.ToString()));
        if (refusal is not null) return refusal;
        if (await storage.Filters.FindAsync(call.Caller.UserId, options.Filters - 1, stop).ConfigureAwait(false) is not null)
        {
            return AccountLimits.Reached(options, $"An account has at most {options.Filters} filters.");
        }

        var put = new FilterCreated(call.Caller.UserId, CanonicalJson.bytes(Json.NewObject(filter)));
        await storage.Writer.WriteAsync(new WriteBatch(1).Add(put), stop).ConfigureAwait(false);
        return Answer.Json(put, static (json, stored) =>
            json.WriteString("filter_id", stored.FilterId.ToString(CultureInfo.InvariantCulture)));
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        if (!long.TryParse(call["filterId"], NumberStyles.None, CultureInfo.InvariantCulture, out var id)) return _none;
        return await storage.Filters.FindAsync(call.Caller.UserId, id, stop).ConfigureAwait(false) is { } filter ? Answer.Bytes(filter) : _none;
    }
}
