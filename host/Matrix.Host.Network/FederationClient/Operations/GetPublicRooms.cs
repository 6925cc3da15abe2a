using System.Globalization;
using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>Which published rooms.</summary>
/// <param name="Since">A token of an earlier response; null for the first rooms.</param>
/// <param name="SearchTerm">A text in name, topic or alias; null for all.</param>
/// <param name="RoomTypes">Room types, null among them for rooms without a type; null for all.</param>
public sealed record PublicRoomsQuery(
    int? Limit,
    string? Since,
    string? SearchTerm,
    IReadOnlyList<string?>? RoomTypes,
    bool IncludeAllNetworks,
    string? ThirdPartyInstanceId);

/// <summary>Published rooms of another server.</summary>
public sealed record PublicRoomsPage(
    IReadOnlyList<JsonObject> Chunk, string? NextBatch, string? PrevBatch, long? Total);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /publicRooms`, or `POST /publicRooms` with a filter.
    /// v1.19 server-server-api#get_matrixfederationv1publicrooms,
    /// v1.19 server-server-api#post_matrixfederationv1publicrooms
    /// </summary>
    public async ValueTask<FederationResult<PublicRoomsPage>> GetPublicRoomsAsync(
        string server, PublicRoomsQuery query, CancellationToken stop)
    {
        var request = query.SearchTerm is null && query.RoomTypes is null
            ? Get(server, $"{V1}publicRooms" + Query(
                ("limit", query.Limit?.ToString(CultureInfo.InvariantCulture)),
                ("since", query.Since),
                ("include_all_networks", query.IncludeAllNetworks ? "true" : null),
                ("third_party_instance_id", query.ThirdPartyInstanceId)))
            : Post(server, $"{V1}publicRooms", BodyOf(query));
        var bounded = request with { MaxBytes = options.MaxPublishedRoomsBytes };
        var sent = await client.SendAsync(bounded, stop);
        return sent.Then<PublicRoomsPage>(static response => new PublicRoomsPage(
            response.Children("chunk"),
            response.Text("next_batch"),
            response.Text("prev_batch"),
            response.Number("total_room_count_estimate")));
    }

    private static JsonObject BodyOf(PublicRoomsQuery query)
    {
        var filter = new List<(string, Json)>();
        if (query.SearchTerm is { } term) filter.Add(("generic_search_term", Members.Text(term)));
        if (query.RoomTypes is { } types)
        {
            filter.Add(("room_types", Json.Of([.. types.Select(t => t is null ? Json.Null : Members.Text(t))])));
        }

        var body = new List<(string, Json)> { ("filter", Json.Of(Members.Of(filter))) };
        if (query.Limit is { } limit) body.Add(("limit", Json.Of(limit)));
        if (query.Since is { } since) body.Add(("since", Members.Text(since)));
        if (query.IncludeAllNetworks) body.Add(("include_all_networks", Json.Of(true)));
        if (query.ThirdPartyInstanceId is { } id) body.Add(("third_party_instance_id", Members.Text(id)));
        return Members.Of(body);
    }
}
