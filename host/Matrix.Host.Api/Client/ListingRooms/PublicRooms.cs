using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Api.Client.ListingRooms;

/// <summary>The directory of published rooms. v1.19 client-server-api#published-room-directory</summary>
internal sealed class PublicRooms(PublishedRooms published, RateLimiter limiter, ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var open = new RouteOptions { Access = Access.Anyone };
        // v1.19 client-server-api#get_matrixclientv3publicrooms
        routes.Of(RouteOwner.Nobody).Get(
            "publicRooms",
            ReadQuery,
            ListAsync,
            new RouteOptions { Access = Access.Lenient, Rate = RateClass.Directories });
        // v1.19 client-server-api#post_matrixclientv3publicrooms
        routes.Of(RouteOwner.Nobody).Post("publicRooms", PublicRoomsBody.Read, ListAsync, new RouteOptions
        {
            BodyMayBeMissing = true,
            OpenToSuspended = true,
            OnlyReads = true,
            Rate = RateClass.Directories,
        });
        // v1.19 client-server-api#get_matrixclientv3directorylistroomroomid
        routes.Of(RouteOwner.Nobody).Get("directory/list/room/{roomId}", VisibilityAsync, open);
        // v1.19 client-server-api#put_matrixclientv3directorylistroomroomid
        routes.Of(RouteOwner.Room).Put("directory/list/room/{roomId}", ReadVisibility, PublishAsync);
    }

    private static PublicRoomsQuery ReadQuery(QueryReader query) => new(
        (int?)Math.Min(query.Number("limit") ?? 0, int.MaxValue), query.Token("since"), null, null, false, null);

    private static bool ReadVisibility(BodyReader body)
    {
        var visibility = body.Text("visibility") ?? "public";
        if (visibility is not ("public" or "private"))
        {
            body.Refuse(MatrixError.BadJson, "`visibility` must be `public` or `private`.");
        }

        return visibility == "public";
    }

    private async ValueTask<Answer> ListAsync(Call call, PublicRoomsQuery query, CancellationToken stop)
    {
        var other = call.Query.Text("server") is { } server && server != options.ServerName ? server : null;
        if (other is not null && limiter.TakeOpenLookup(call) is var wait && wait > TimeSpan.Zero)
        {
            return Answer.LimitExceeded(wait);
        }

        var page = other is not null
            ? await published.RemotePageAsync(call.CausedBy, other, query, stop)
            : await published.PageAsync(query, stop);
        return page.IsOk ? Answer.Json(page.Value, Summaries.WritePage).AsBytes() : RoomAnswers.Of(page.Failure);
    }

    private async ValueTask<Answer> VisibilityAsync(Call call, CancellationToken stop) =>
        await published.IsPublishedAsync(call["roomId"], stop) is { } isPublished
            ? Answer.Json(isPublished, static (json, it) => json.WriteString("visibility", it ? "public" : "private"))
            : Answer.NotFound("This server does not know the room.");

    private async ValueTask<Answer> PublishAsync(Call call, bool isPublished, CancellationToken stop) =>
        RoomAnswers.Empty(await published.PublishAsync(
            call.Caller.UserId, call.Caller.IsAdmin, call["roomId"], isPublished, stop));
}

/// <summary>The body of a search in the directory, the same for clients and servers.</summary>
internal static class PublicRoomsBody
{
    internal static PublicRoomsQuery Read(BodyReader body)
    {
        var filter = body.Inner("filter");
        return new PublicRoomsQuery(
            (int?)Math.Clamp(body.Number("limit") ?? 0, 0, int.MaxValue),
            body.Token("since"),
            filter?.Text("generic_search_term"),
            filter is null ? null : TypesOf(filter),
            body.Flag("include_all_networks"),
            body.Text("third_party_instance_id"));
    }

    /// <summary>The room types; null among them for rooms without a type.</summary>
    private static List<string?>? TypesOf(BodyReader filter)
    {
        if (filter.HasNull("room_types") || filter.Items("room_types") is not { } items) return null;
        var types = new List<string?>(items.Length);
        foreach (var item in items)
        {
            if (item is Json.String text) types.Add(text.Item);
            else if (item.IsNull) types.Add(null);
            else filter.Refuse(MatrixError.BadJson, "`filter.room_types` must be an array of strings and nulls.");
        }

        return types;
    }
}
