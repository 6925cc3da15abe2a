using System.Globalization;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Filters;

namespace Matrix.Host.Api.Client.Filters;

/// <summary>Filters that clients keep on the server. v1.19 client-server-api#filtering</summary>
internal sealed class Filters(StoredFilters filters, ClientOptions options) : IEndpoints
{
    private static readonly Answer _notYours = Answer.Forbidden("You can only use your own filters.");
    private static readonly Answer _none = Answer.NotFound("There is no such filter.");

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#post_matrixclientv3useruseridfilter
        routes.Of(RouteOwner.Caller).Post(
            "user/{userId}/filter", static body => body.Whole, PostAsync, RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#get_matrixclientv3useruseridfilterfilterid
        routes.Of(RouteOwner.Nobody).Get("user/{userId}/filter/{filterId}", GetAsync);
    }

    private async ValueTask<Answer> PostAsync(Call call, JsonObject filter, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var refusal = SyncFilter.Parse(filter).Match(
            static _ => null, static error => (Answer?)Answer.Error(400, error.ErrCode, error.ToString()));
        if (refusal is not null) return refusal;
        var stored = await filters.StoreAsync(call.Caller.UserId, filter, stop);
        return stored.IsOk
            ? Answer.Json(
                stored.Value,
                static (json, id) => json.WriteString("filter_id", id.ToString(CultureInfo.InvariantCulture)))
            : UserAnswers.Of(stored.Failure, options);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        if (!long.TryParse(call["filterId"], NumberStyles.None, CultureInfo.InvariantCulture, out var id)) return _none;
        return await filters.FindAsync(call.Caller.UserId, id, stop) is { } filter
            ? Answer.Bytes(filter)
            : _none;
    }
}
