using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Matrix.Core.Ident;
using Matrix.Host.Api.Client.ListingRooms;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Api.Client.Spaces;

/// <summary>
/// The rooms of a space. v1.19 client-server-api#spaces. Administrators see all rooms of it that this server is in.
/// </summary>
internal sealed class Hierarchy(SpaceHierarchy hierarchy, RoomsOptions options) : IEndpoints
{
    private const int UsualLimit = 50;

    private sealed record Asked(bool SuggestedOnly, int Depth, HierarchyPlace From, int Limit);

    public void Map(ClientRoutes routes)
    {
        const string Path = "rooms/{roomId}/hierarchy";
        // v1.19 client-server-api#get_matrixclientv1roomsroomidhierarchy
        routes.Of(RouteOwner.Nobody).V1.Get(Path, Read, GetAsync);
        routes.Of(RouteOwner.Nobody).Admin(1).Get(Path, Read, GetWholeAsync);
    }

    private Asked Read(QueryReader query)
    {
        var suggestedOnly = query.Flag("suggested_only");
        var depth = (int)Math.Min(query.Number("max_depth") ?? int.MaxValue, options.MaxHierarchyDepth);
        var limit = (int)Math.Min(query.Number("limit", least: 1) ?? UsualLimit, options.MaxHierarchyRooms);
        if (query.Token("from") is not { } from) return new Asked(suggestedOnly, depth, HierarchyPlace.Start, limit);
        if (Parse(from) is not var (place, tokenDepth, tokenSuggested))
        {
            query.Refuse(MatrixError.InvalidParam, "`from` is not a token of this server.");
            return new Asked(suggestedOnly, depth, HierarchyPlace.Start, limit);
        }

        if ((query.Text("suggested_only") is not null && suggestedOnly != tokenSuggested)
            || (query.Text("max_depth") is not null && depth != tokenDepth))
        {
            query.Refuse(
                MatrixError.InvalidParam, "`suggested_only` and `max_depth` cannot change from one page to the next.");
        }

        return new Asked(tokenSuggested, tokenDepth, place, limit);
    }

    private async ValueTask<Answer> GetAsync(Call call, Asked asked, CancellationToken stop)
    {
        var page = await hierarchy.OfUserAsync(
            call.Caller.UserId,
            call.CausedBy,
            call["roomId"],
            asked.SuggestedOnly,
            asked.Depth,
            asked.From,
            asked.Limit,
            stop);
        return AnswerOf(asked, page);
    }

    private async ValueTask<Answer> GetWholeAsync(Call call, Asked asked, CancellationToken stop)
    {
        var page = await hierarchy.OfAdministratorAsync(
            call["roomId"], asked.SuggestedOnly, asked.Depth, asked.From, asked.Limit, stop);
        return page.IsOk ? AnswerOf(asked, page) : Answer.NotFound("This server is not in that room.");
    }

    private static Answer AnswerOf(Asked asked, RoomResult<HierarchyPage> page)
    {
        if (!page.IsOk) return RoomAnswers.Of(page.Failure);
        var next = page.Value.Next is { } place ? TokenOf(asked, place) : null;
        return Answer.Json((page.Value.Rooms, next), static (json, it) =>
        {
            if (it.next is not null) json.WriteString("next_batch", it.next);
            json.WriteStartArray("rooms");
            foreach (var room in it.Rooms) Summaries.WriteRoom(json, room);
            json.WriteEndArray();
        }).AsBytes();
    }

    /// <summary>
    /// The token of the next page: the number of rooms before it, what may not change, and the last room before it.
    /// </summary>
    private static string TokenOf(Asked asked, HierarchyPlace next) => string.Create(
        CultureInfo.InvariantCulture,
        $"h{next.Count}_{asked.Depth}_{(asked.SuggestedOnly ? 1 : 0)}_{Encode(next.LastRoomId!)}");

    private static (HierarchyPlace Place, int Depth, bool SuggestedOnly)? Parse(string token)
    {
        if (!token.StartsWith('h')) return null;

        // The last part may have underscores. Tokens of older versions do not have it.
        var parts = token[1..].Split('_', 4);
        var last = parts.Length == 4 ? Decode(parts[3]) : null;
        return parts is [var count, var depth, "0" or "1", ..]
            && (parts.Length == 3 || last is not null)
            && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var counted)
            && int.TryParse(depth, NumberStyles.None, CultureInfo.InvariantCulture, out var levels)
                ? (new HierarchyPlace(counted, last), levels, parts[2] == "1")
                : null;
    }

    private static string Encode(string roomId) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(roomId));

    private static string? Decode(string text) =>
        Base64Url.IsValid(text)
        && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)) is var roomId
        && RoomId.IsValid(roomId)
            ? roomId
            : null;
}
