using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media.Operators;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Files;

/// <summary>Media of a room, and media that is left out when much is put in quarantine.</summary>
internal sealed class RoomFiles(
    RoomFileUris uris, MediaAdministration media, AuditLog audit, ClientOptions options) : IEndpoints
{
    private static readonly Answer _unknownRoom = Answer.NotFound("This server has no such room.");

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get("room/{roomId}/media", ListAsync);
        admin.Post("room/{roomId}/media/quarantine", QuarantineAsync);
        admin.Post("media/protect/{mediaId}", (call, stop) => ProtectAsync(call, isProtected: true, stop));
        admin.Post("media/unprotect/{mediaId}", (call, stop) => ProtectAsync(call, isProtected: false, stop));
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        if (await uris.OfRoomAsync(call["roomId"], stop) is not { } found) return _unknownRoom;
        var own = $"mxc://{options.ServerName}/";
        var byServer = found.ToLookup(uri => uri.StartsWith(own, StringComparison.Ordinal));
        return Answer.Json(byServer, static (json, byServer) =>
        {
            JobJson.WriteTexts(json, "local", [.. byServer[true]]);
            JobJson.WriteTexts(json, "remote", [.. byServer[false]]);
        });
    }

    private async ValueTask<Answer> QuarantineAsync(Call call, CancellationToken stop)
    {
        if (await uris.OfRoomAsync(call["roomId"], stop) is not { } found) return _unknownRoom;
        var count = await media.QuarantineManyAsync(found, call.Actor().Who, stop);
        await audit.RecordAsync(call.Actor(), "media.quarantine_of_room", call["roomId"]);
        return Answer.Json(count, static (json, count) => json.WriteNumber("num_quarantined", count));
    }

    private async ValueTask<Answer> ProtectAsync(Call call, bool isProtected, CancellationToken stop)
    {
        var action = isProtected ? "media.protect" : "media.unprotect";
        var record = audit.Of(call.Actor(), action, $"mxc://{options.ServerName}/{call["mediaId"]}");
        return await media.ProtectAsync(call["mediaId"], isProtected, record, stop)
            ? Answer.Empty
            : Answer.NotFound("There is no such media here.");
    }
}
