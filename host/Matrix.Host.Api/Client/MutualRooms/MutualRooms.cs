using System.Globalization;
using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Api.Client.MutualRooms;

/// <summary>The rooms that two users share. v1.19 client-server-api#mutual-rooms</summary>
internal sealed class MutualRooms(IMembershipsTable membershipsTable, ClientOptions options) : IEndpoints
{
    private sealed record Asked(string UserId, RoomNid After);

    private sealed record Page(IReadOnlyList<string> Joined, int Count, string? Next);

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv1mutual_rooms
        routes.Of(RouteOwner.Nobody).V1.Get("mutual_rooms", query => Read(query, "from"), GetAsync);

        // For clients that know MSC2666 only.
        routes.Of(RouteOwner.Nobody).At("/_matrix/client/unstable/uk.half-shot.msc2666/").Get(
            "user/mutual_rooms", query => Read(query, "batch_token"), GetUnstableAsync);
    }

    private static Asked Read(QueryReader query, string token)
    {
        var userId = query.RequiredText("user_id");
        if (query.Problem is null && !UserId.IsValid(userId))
        {
            query.Refuse(MatrixError.InvalidParam, "`user_id` is not a valid user id.");
        }

        if (query.Token(token) is not { } from) return new Asked(userId, default);
        if (from.StartsWith('m')
            && int.TryParse(from.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var after))
        {
            return new Asked(userId, new RoomNid(after));
        }

        query.Refuse(MatrixError.InvalidParam, $"`{token}` is not a token of this server.");
        return new Asked(userId, default);
    }

    private ValueTask<Answer> GetAsync(Call call, Asked asked, CancellationToken stop) =>
        AnswerAsync(call, asked, "next_batch", stop);

    private ValueTask<Answer> GetUnstableAsync(Call call, Asked asked, CancellationToken stop) =>
        AnswerAsync(call, asked, "next_batch_token", stop);

    private async ValueTask<Answer> AnswerAsync(Call call, Asked asked, string nextName, CancellationToken stop)
    {
        if (asked.UserId == call.Caller.UserId)
        {
            return Answer.InvalidParam("`user_id` must be another user than you.");
        }

        var most = options.MaxMutualRooms;
        var members = membershipsTable;
        var rooms = await members.MutualRoomsAsync(call.Caller.UserId, asked.UserId, asked.After, most + 1, stop);
        var count = await members.MutualRoomCountAsync(call.Caller.UserId, asked.UserId, stop);
        var next = rooms.Count > most
            ? string.Create(CultureInfo.InvariantCulture, $"m{rooms[most - 1].Room.Value}")
            : null;
        var page = new Page([.. rooms.Take(most).Select(static room => room.RoomId)], count, next);
        return Answer.Json((page, nextName), static (json, it) =>
        {
            json.WriteStartArray("joined");
            foreach (var roomId in it.page.Joined) json.WriteStringValue(roomId);
            json.WriteEndArray();
            json.WriteNumber("count", it.page.Count);
            if (it.page.Next is { } token) json.WriteString(it.nextName, token);
        });
    }
}
