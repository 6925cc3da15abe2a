using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Api.Client.RoomAliases;

/// <summary>Names of rooms. Client-Server API, "Room aliases".</summary>
internal sealed class Aliases(IStorage storage, RoomSnapshots rooms, StateReader state, RoomSender sender, ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        routes.Get("directory/room/{roomAlias}", GetAsync, new RouteOptions { Access = Access.Anyone });
        routes.Put("directory/room/{roomAlias}", static body => body.RequiredText("room_id"), PutAsync);
        routes.Delete("directory/room/{roomAlias}", DeleteAsync);
        routes.Get("rooms/{roomId}/aliases", ListAsync, new RouteOptions { Access = Access.UsersAndGuests });
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var alias = call["roomAlias"];
        if (await storage.Aliases.FindAsync(alias, stop).ConfigureAwait(false) is not { } row) return Missing(alias);
        return Answer.Json((row.RoomId, options.ServerName), static (json, it) =>
        {
            json.WriteString("room_id", it.RoomId);
            json.WriteStartArray("servers");
            json.WriteStringValue(it.ServerName);
            json.WriteEndArray();
        });
    }

    private async ValueTask<Answer> PutAsync(Call call, string roomId, CancellationToken stop)
    {
        var alias = call["roomAlias"];
        if (RoomAlias.server(alias) != options.ServerName)
        {
            return Answer.InvalidParam($"Aliases of this server end in `:{options.ServerName}`.");
        }

        if (!RoomId.isValid(roomId)) return Answer.InvalidParam("`room_id` is not a valid room id.");
        if (await rooms.FindAsync(roomId, stop).ConfigureAwait(false) is not { } snapshot || !snapshot.Local.IsJoined(call.Caller.UserId))
        {
            return RoomAnswers.Of(RoomSender.Unknown);
        }

        var create = new AliasCreated(alias, snapshot.Room.Nid, call.Caller.UserId);
        var receipt = await storage.Writer.WriteAsync(new WriteBatch(1).Require(create), stop).ConfigureAwait(false);
        return receipt.Refused ? Answer.Error(409, MatrixError.Unknown, $"The alias {alias} exists already.") : Answer.Empty;
    }

    /// <summary>An alias is deleted by who made it, by who may say which alias the room goes by, or by an administrator of the server.</summary>
    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop)
    {
        var alias = call["roomAlias"];
        if (await storage.Aliases.FindAsync(alias, stop).ConfigureAwait(false) is not { } row) return Missing(alias);
        var user = call.Caller.UserId;
        if (row.Creator != user && !call.Caller.IsAdmin && !await sender.MaySendStateAsync(row.RoomId, user, "m.room.canonical_alias", stop).ConfigureAwait(false))
        {
            return Answer.Forbidden("You have not made this alias, and may not change the aliases of its room.");
        }

        var receipt = await storage.Writer.WriteAsync(new WriteBatch(1).Require(new AliasDeleted(alias)), stop).ConfigureAwait(false);
        return receipt.Refused ? Missing(alias) : Answer.Empty;
    }

    /// <summary>A room's aliases, for its members, and for everyone where its history is open to the world.</summary>
    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        if (await rooms.FindAsync(call["roomId"], stop).ConfigureAwait(false) is not { } snapshot) return RoomAnswers.Of(RoomSender.Unknown);
        if (!snapshot.Local.IsJoined(call.Caller.UserId))
        {
            var visibility = await state.ContentAsync(snapshot, "m.room.history_visibility", "", stop).ConfigureAwait(false);
            if (visibility?.Text("history_visibility") != "world_readable") return RoomAnswers.Of(RoomSender.Unknown);
        }

        var list = await storage.Aliases.OfRoomAsync(snapshot.Room.Nid, stop).ConfigureAwait(false);
        return Answer.Json(list, static (json, names) =>
        {
            json.WriteStartArray("aliases");
            foreach (var name in names) json.WriteStringValue(name);
            json.WriteEndArray();
        });
    }

    private static Answer Missing(string alias) => Answer.NotFound($"There is no room with the alias {alias}.");
}
