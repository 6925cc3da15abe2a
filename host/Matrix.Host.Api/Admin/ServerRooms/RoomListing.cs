using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>`GET /_synapse/admin/v1/rooms`.</summary>
internal sealed class RoomListing(RoomLists lists, AdminOptions options) : IEndpoints
{
    private static readonly Dictionary<string, RoomOrder> _orders = new(StringComparer.Ordinal)
    {
        ["alphabetical"] = RoomOrder.Name,
        ["name"] = RoomOrder.Name,
        ["canonical_alias"] = RoomOrder.CanonicalAlias,
        ["size"] = RoomOrder.JoinedMembers,
        ["joined_members"] = RoomOrder.JoinedMembers,
        ["joined_local_members"] = RoomOrder.JoinedLocalMembers,
        ["version"] = RoomOrder.Version,
        ["creator"] = RoomOrder.Creator,
        ["encryption"] = RoomOrder.Encryption,
        ["federatable"] = RoomOrder.Federatable,
        ["public"] = RoomOrder.Public,
        ["join_rules"] = RoomOrder.JoinRules,
        ["guest_access"] = RoomOrder.GuestAccess,
        ["history_visibility"] = RoomOrder.HistoryVisibility,
        ["state_events"] = RoomOrder.StateEvents,
    };

    private sealed record Asked(RoomListQuery Query, AdminPage Page);

    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Admin(1).Get("rooms", Read, ListAsync);

    private Asked Read(QueryReader query)
    {
        var order = query.OneOf("order_by", [.. _orders.Keys]) is { } name ? _orders[name] : RoomOrder.Name;
        return new Asked(
            new RoomListQuery
            {
                SearchTerm = query.Text("search_term"),
                IsPublished = AdminCalls.ReadFlag(query, "public_rooms"),
                IsEmpty = AdminCalls.ReadFlag(query, "empty_rooms"),
                Order = order,
                IsReversed = AdminCalls.ReadDirection(query),
            },
            AdminCalls.ReadPage(query, options));
    }

    private async ValueTask<Answer> ListAsync(Call call, Asked asked, CancellationToken stop)
    {
        var (query, page) = asked;
        var found = await lists.ListAsync(query, page.From, page.Limit, stop);
        return Answer.Json((found, page), static (json, state) =>
        {
            var (found, page) = state;
            json.WriteStartArray("rooms");
            foreach (var room in found.Rooms)
            {
                json.WriteStartObject();
                RoomJson.Write(json, room);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("offset", page.From);
            json.WriteNumber("total_rooms", found.Total);
            if (page.Next(found.Rooms.Count, found.Total) is { } next) json.WriteNumber("next_batch", next);
            if (page.From > 0) json.WriteNumber("prev_batch", Math.Max(0, page.From - page.Limit));
        });
    }
}
