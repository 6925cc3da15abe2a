using Matrix.Core.Ident;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Api.Client.RoomAliases;

/// <summary>Names of rooms. v1.19 client-server-api#room-aliases</summary>
internal sealed class Aliases(
    RoomAliasDirectory aliases,
    AliasResolver resolver,
    AppServiceDirectory services,
    RateLimiter limiter,
    ClientOptions options)
    : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv3directoryroomroomalias
        routes.Of(RouteOwner.Nobody).Get(
            "directory/room/{roomAlias}", GetAsync, new RouteOptions { Access = Access.Lenient });
        // v1.19 client-server-api#put_matrixclientv3directoryroomroomalias
        routes.Of(RouteOwner.Nobody).Put(
            "directory/room/{roomAlias}", static body => body.RequiredText("room_id"), PutAsync);
        // v1.19 client-server-api#delete_matrixclientv3directoryroomroomalias
        routes.Of(RouteOwner.RoomOfAlias(aliases)).Delete("directory/room/{roomAlias}", DeleteAsync);
        // v1.19 client-server-api#get_matrixclientv3roomsroomidaliases
        routes.Of(RouteOwner.Nobody).Get("rooms/{roomId}/aliases", ListAsync);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var alias = call["roomAlias"];
        var isHere = RoomAlias.Server(alias) == options.ServerName
            && !services.All.Any(service => service.HasAlias(alias));
        var wait = TimeSpan.Zero;
        var found = await resolver.FindAsync(call.CausedBy, alias, stop, MayAsk);
        if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);
        if (!found.IsOk) return RoomAnswers.Of(found.Failure);
        return Answer.Json(found.Value, static (json, it) =>
        {
            json.WriteString("room_id", it.RoomId);
            json.WriteStartArray("servers");
            foreach (var server in it.Servers) json.WriteStringValue(server);
            json.WriteEndArray();
        });

        bool MayAsk()
        {
            if (!isHere) wait = limiter.TakeOpenLookup(call);
            return wait <= TimeSpan.Zero;
        }
    }

    private async ValueTask<Answer> PutAsync(Call call, string roomId, CancellationToken stop)
    {
        var alias = call["roomAlias"];
        if (RoomAlias.Server(alias) != options.ServerName)
        {
            return Answer.InvalidParam($"Aliases of this server end with `:{options.ServerName}`.");
        }

        if (!services.MayManageAlias(call.Service, alias)) return ServiceAnswers.Exclusive;
        if (!RoomId.IsValid(roomId)) return Answer.InvalidParam("`room_id` is not a valid room id.");
        return await aliases.CreateAsync(call.Caller.UserId, call.Service is null, alias, roomId, stop) switch
        {
            null => Answer.Empty,
            { Kind: RoomFailureKind.AliasTaken } taken => Answer.Error(409, MatrixError.Unknown, taken.Message),
            var failure => RoomAnswers.Of(failure, options),
        };
    }

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop)
    {
        var alias = call["roomAlias"];
        if (!services.MayManageAlias(call.Service, alias)) return ServiceAnswers.Exclusive;
        var mayDeleteAny = call.Caller.IsAdmin || call.Service is not null;
        return RoomAnswers.Empty(await aliases.DeleteAsync(call.Caller.UserId, mayDeleteAny, alias, stop));
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        // Administrators need not be in the room: their tools show its aliases.
        var reader = call.Caller.IsAdmin ? null : call.Caller.UserId;
        if (await aliases.OfRoomAsync(reader, call["roomId"], stop) is not { } list)
        {
            return RoomAnswers.Of(RoomFailure.Unknown);
        }

        return Answer.Json(list, static (json, names) =>
        {
            json.WriteStartArray("aliases");
            foreach (var name in names) json.WriteStringValue(name);
            json.WriteEndArray();
        });
    }
}
