using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.DeviceLists;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>
/// Users whose keys changed between two syncs: `GET /keys/changes`. v1.19 client-server-api#key-management-api
/// </summary>
internal sealed class KeyChanges(
    DeviceListChanges changes, IStorageWriter writer, TokenPositions positions, SyncTokens tokens) : IEndpoints
{
    private readonly record struct Ends(SyncToken From, SyncToken To);

    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#get_matrixclientv3keyschanges
        routes.Of(RouteOwner.Nobody).Get("keys/changes", Read, Get);

    private async ValueTask<Answer> Get(Call call, Ends ends, CancellationToken stop)
    {
        // A token of this server is never ahead of what its nodes have read.
        await positions.ReachAsync(ends.To.Position, stop);
        var published = writer.PublishedPosition;
        var through = ends.To.Imported is null ? Math.Min(ends.To.Position, published) : published;
        var news = await changes.BetweenAsync(call.Caller.UserId, ends.From, through, stop);
        return Answer.Json(news, static (json, found) =>
        {
            Write(json, "changed", found.Changed);
            Write(json, "left", found.Left);
        });
    }

    private Ends Read(QueryReader query) => new(Token(query, "from"), Token(query, "to"));

    private SyncToken Token(QueryReader query, string name)
    {
        if (!tokens.TryParse(query.RequiredText(name), out var token))
        {
            query.Refuse(MatrixError.InvalidParam, $"`{name}` is not a sync token of this server.");
        }

        return token;
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyCollection<string> users)
    {
        json.WriteStartArray(name);
        foreach (var user in users) json.WriteStringValue(user);
        json.WriteEndArray();
    }
}
