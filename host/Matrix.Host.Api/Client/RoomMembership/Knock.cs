using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Sending;

namespace Matrix.Host.Api.Client.RoomMembership;

/// <summary>Knocks on rooms. v1.19 client-server-api#knocking-on-rooms</summary>
internal sealed class Knock(
    RoomMemberships memberships, AliasResolver resolver, RoomAliasDirectory aliases) : IEndpoints
{
    // v1.19 client-server-api#post_matrixclientv3knockroomidoralias
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.RoomOrAlias(aliases)).Post(
        "knock/{roomIdOrAlias}",
        MembershipActions.Reason,
        KnockAsync,
        new RouteOptions { Rate = RateClass.Membership, BodyMayBeMissing = true });

    private async ValueTask<Answer> KnockAsync(Call call, string? reason, CancellationToken stop)
    {
        // Clients before version 1.12 name servers as `server_name`.
        string[] servers = [.. call.Query.Texts("via"), .. call.Query.Texts("server_name")];
        if (call.Query.Problem is { } problem) return problem;
        var roomId = call["roomIdOrAlias"];
        if (roomId.StartsWith('#'))
        {
            var found = await resolver.FindAsync(call.CausedBy, roomId, stop);
            if (!found.IsOk) return RoomAnswers.Of(found.Failure);
            (roomId, servers) = (found.Value.RoomId, [.. servers, .. found.Value.Servers]);
        }

        var failure = await memberships.KnockAsync(call.Caller.UserId, call.CausedBy, roomId, servers, reason, stop);
        return failure is null ? RoomAnswers.RoomId(roomId) : RoomAnswers.Of(failure);
    }
}
