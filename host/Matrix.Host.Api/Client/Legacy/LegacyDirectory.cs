using Matrix.Core.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Aliases, the list of public rooms, and TURN servers for calls. The 2014 Client-Server API, "Room aliases"; its
/// tables of calls, "directory" and "events".
/// </summary>
internal sealed class LegacyDirectory : ILegacyGroup
{
    private const string Start = "START";

    private CurrentOperation _publicRooms = null!;

    public void Map(LegacyRoutes routes)
    {
        routes.Same("GET", "directory/room/{roomAlias}", "voip/turnServer");
        routes.Same("PUT", "directory/room/{roomAlias}");
        routes.Same("DELETE", "directory/room/{roomAlias}");
        _publicRooms = routes.Current.Of("GET", "publicRooms");
        routes.Get("publicRooms", _publicRooms, PublicRoomsAsync);
    }

    private async ValueTask<Answer> PublicRoomsAsync(Call call, CancellationToken stop)
    {
        var from = call.Query.Token("from");
        var query = from is null or Start ? "" : $"since={Uri.EscapeDataString(from)}";
        var answer = await _publicRooms.CallAsync(call, null, stop, query);
        return answer.Change(page => page.With(
            ("chunk", Json.Of([.. page.Items("chunk").Select(WithAliases)])),
            ("start", Json.Of(from ?? Start)),
            ("end", page.Find("next_batch") ?? Json.Of("END"))));
    }

    private static Json WithAliases(Json room)
    {
        if (room is not Json.Object { Item: var today }) return room;
        Json[] aliases = today.Find("canonical_alias") is Json.String alias ? [alias] : [];
        return Json.Of(today.WithDefault("aliases", Json.Of(aliases)));
    }
}
