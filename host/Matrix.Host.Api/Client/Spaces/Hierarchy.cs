using System.Globalization;
using Matrix.Host.Api.Client.ListingRooms;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Api.Client.Spaces;

/// <summary>The rooms of a space. Client-Server API, "Spaces".</summary>
internal sealed class Hierarchy(SpaceHierarchy hierarchy, RoomsOptions options) : IEndpoints
{
    private const int UsualLimit = 50;

    private sealed record Asked(bool SuggestedOnly, int Depth, int Skip, int Limit);

    public void Map(ClientRoutes routes) => routes.V1.Get(
        "rooms/{roomId}/hierarchy", Read, GetAsync, new RouteOptions { Access = Access.UsersAndGuests });

    private Asked Read(QueryReader query)
    {
        var suggestedOnly = query.Flag("suggested_only");
        var depth = (int)Math.Min(query.Number("max_depth") ?? int.MaxValue, options.MaxHierarchyDepth);
        var limit = (int)Math.Min(query.Number("limit", least: 1) ?? UsualLimit, options.MaxHierarchyRooms);
        if (query.Text("from") is not { } from) return new Asked(suggestedOnly, depth, 0, limit);
        if (Parse(from) is not var (skip, tokenDepth, tokenSuggested))
        {
            query.Refuse(MatrixError.InvalidParam, "`from` is not a token of this server.");
            return new Asked(suggestedOnly, depth, 0, limit);
        }

        if ((query.Text("suggested_only") is not null && suggestedOnly != tokenSuggested)
            || (query.Text("max_depth") is not null && depth != tokenDepth))
        {
            query.Refuse(
                MatrixError.InvalidParam, "`suggested_only` and `max_depth` cannot change from one page to the next.");
        }

        return new Asked(tokenSuggested, tokenDepth, skip, limit);
    }

    private async ValueTask<Answer> GetAsync(Call call, Asked asked, CancellationToken stop)
    {
        var page = await hierarchy.OfUserAsync(
            call.Caller.UserId, call["roomId"], asked.SuggestedOnly, asked.Depth, asked.Skip, asked.Limit, stop)
            .ConfigureAwait(false);
        if (!page.IsOk) return RoomAnswers.Of(page.Failure);
        var next = page.Value.HasMore ? TokenOf(asked) : null;
        return Answer.Json((page.Value.Rooms, next), static (json, it) =>
        {
            if (it.next is not null) json.WriteString("next_batch", it.next);
            json.WriteStartArray("rooms");
            foreach (var room in it.Rooms) Summaries.WriteRoom(json, room);
            json.WriteEndArray();
        });
    }

    /// <summary>The token of the next page: the number of rooms before it, and what may not change.</summary>
    private static string TokenOf(Asked asked) => string.Create(
        CultureInfo.InvariantCulture,
        $"h{asked.Skip + asked.Limit}_{asked.Depth}_{(asked.SuggestedOnly ? 1 : 0)}");

    private static (int Skip, int Depth, bool SuggestedOnly)? Parse(string token)
    {
        if (!token.StartsWith('h')) return null;
        var parts = token[1..].Split('_');
        return parts is [var skip, var depth, "0" or "1"]
            && int.TryParse(skip, NumberStyles.None, CultureInfo.InvariantCulture, out var skipped)
            && int.TryParse(depth, NumberStyles.None, CultureInfo.InvariantCulture, out var levels)
                ? (skipped, levels, parts[2] == "1")
                : null;
    }
}
