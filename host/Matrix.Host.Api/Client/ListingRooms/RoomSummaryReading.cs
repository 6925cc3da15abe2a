using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Api.Client.ListingRooms;

/// <summary>The summary of one room. v1.19 client-server-api#room-summaries</summary>
internal sealed class RoomSummaryReading(SummaryLookup summaries, RateLimiter limiter) : IEndpoints
{
    private const string Prefix = "im.nheko.summary.";

    /// <summary>The most servers that a request names; further ones are ignored.</summary>
    private const int MostServers = 20;

    public void Map(ClientRoutes routes)
    {
        var open = new RouteOptions { Access = Access.Optional };
        // v1.19 client-server-api#get_matrixclientv1room_summaryroomidoralias
        routes.Of(RouteOwner.Nobody).V1.Get(
            "room_summary/{roomIdOrAlias}", ReadVia, (call, via, stop) => GetAsync(call, via, Write, stop), open);

        // The two paths of MSC3266, for clients that do not look for the stable one.
        var older = routes.Of(RouteOwner.Nobody).At("/_matrix/client/unstable/im.nheko.summary/");
        foreach (var path in (string[])["summary/{roomIdOrAlias}", "rooms/{roomIdOrAlias}/summary"])
        {
            older.Get(path, ReadVia, (call, via, stop) => GetAsync(call, via, WriteUnstable, stop), open);
        }
    }

    // Some clients still write `server_name`, as in other requests.
    private static string[] ReadVia(QueryReader query) =>
        [.. query.Texts("via").Concat(query.Texts("server_name")).Take(MostServers)];

    private async ValueTask<Answer> GetAsync(
        Call call,
        string[] via,
        Action<Utf8JsonWriter, (FoundSummary Found, bool HasCaller)> write,
        CancellationToken stop)
    {
        var caller = call.CallerIfAny;
        var request = new SummaryRequest(
            caller?.UserId,
            call.CausedBy,
            call["roomIdOrAlias"],
            via,
            () => limiter.TakeOpenLookup(call) <= TimeSpan.Zero);
        var found = await summaries.FindAsync(request, stop);
        return found.IsOk
            ? Answer.Json((found.Value, caller is not null), write)
            : RoomAnswers.Of(found.Failure);
    }

    private static void Write(Utf8JsonWriter json, (FoundSummary Found, bool HasCaller) it)
    {
        var (found, hasCaller) = it;
        Summaries.WriteDetails(json, found.Room);
        if (hasCaller) json.WriteString("membership", NameOf(found));
    }

    private static void WriteUnstable(Utf8JsonWriter json, (FoundSummary Found, bool HasCaller) it)
    {
        Write(json, it);
        var room = it.Found.Room;
        if (room.Encryption is { } encryption) json.WriteString(Prefix + "encryption", encryption);
        if (room.Version is not { } version) return;
        json.WriteString(Prefix + "room_version", version);
        json.WriteString(Prefix + "version", version);
    }

    private static string NameOf(FoundSummary found) => found.Membership switch
    {
        Storage.Tables.Memberships.Membership.Join => "join",
        Storage.Tables.Memberships.Membership.Invite => "invite",
        Storage.Tables.Memberships.Membership.Knock => "knock",
        Storage.Tables.Memberships.Membership.Ban => "ban",
        _ => "leave",
    };
}
