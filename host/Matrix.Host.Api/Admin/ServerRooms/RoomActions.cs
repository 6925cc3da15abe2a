using Matrix.Core.Ident;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>What administrators do to rooms: blocks, joins of local users, power.</summary>
internal sealed class RoomActions(
    RoomAdministration rooms, RoomModeration moderation, RoomAliasDirectory aliases, AuditLog audit) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1);
        admin.Of(RouteOwner.Nobody).Get("rooms/{roomId}/block", GetBlockAsync);
        admin.Of(RouteOwner.Nobody).Put(
            "rooms/{roomId}/block", static body => body.RequiredFlag("block"), PutBlockAsync);
        admin.Of(RouteOwner.RoomOrAlias(aliases)).Post(
            "rooms/{roomIdOrAlias}/make_room_admin", static body => ReadUser(body, false), MakeAdminAsync);
        admin.Of(RouteOwner.RoomOrAlias(aliases)).Post(
            "join/{roomIdOrAlias}", static body => ReadUser(body, true), JoinAsync);
    }

    private static string? ReadUser(BodyReader body, bool isRequired)
    {
        var userId = isRequired ? body.RequiredText("user_id") : body.TextOrNull("user_id");
        if (userId is not null && body.Problem is null && !UserId.IsValid(userId))
        {
            body.Refuse(MatrixError.InvalidParam, "`user_id` is not a valid user id.");
        }

        return userId;
    }

    private async ValueTask<Answer> GetBlockAsync(Call call, CancellationToken stop)
    {
        var block = await rooms.FindBlockAsync(call["roomId"], stop);
        return Answer.Json(block, static (json, block) =>
        {
            json.WriteBoolean("block", block is not null);
            if (block is not null) json.WriteString("user_id", block.BlockedBy);
        });
    }

    private async ValueTask<Answer> PutBlockAsync(Call call, bool isBlocked, CancellationToken stop)
    {
        await moderation.BlockAsync(call.Actor(), call["roomId"], isBlocked, stop);
        return Answer.Json(isBlocked, static (json, isBlocked) => json.WriteBoolean("block", isBlocked));
    }

    private async ValueTask<Answer> MakeAdminAsync(Call call, string? userId, CancellationToken stop)
    {
        var room = await rooms.ResolveAsync(call.CausedBy, call["roomIdOrAlias"], stop);
        if (!room.IsOk) return RoomAnswers.Of(room.Failure);
        var target = userId ?? call.Caller.UserId;
        return RoomAnswers.Empty(await moderation.MakeAdminAsync(call.Actor(), room.Value, target, stop));
    }

    private async ValueTask<Answer> JoinAsync(Call call, string? userId, CancellationToken stop)
    {
        string[] via = [.. call.Query.Texts("via"), .. call.Query.Texts("server_name")];
        if (call.Query.Problem is { } problem) return problem;
        var room = call["roomIdOrAlias"];
        var joined = await rooms.JoinAsync(call.Caller.UserId, userId!, room, via, stop);
        await audit.RecordAsync(call.Actor(), "room.join", $"{room} {userId}", joined.Failure?.Message);
        return RoomAnswers.RoomId(joined);
    }
}
