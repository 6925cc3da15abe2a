using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Inviting;

namespace Matrix.Host.Api.Federation.ThirdPartyInvites;

using Invites = Matrix.Host.Rooms.Inviting.ThirdPartyInvites;

/// <summary>
/// Third-party invites whose identifier was bound to a user. v1.19 server-server-api#third-party-invites
/// </summary>
internal sealed class BoundIdentifiers(
    Invites invites, BoundInvites boundInvites, RateLimiter limiter, RoomsOptions rooms) : IFederationEndpoints
{
    private static readonly RouteOptions _exchange = RouteOptions.ForServers with
    {
        Rate = RateClass.ServerMembership,
        Body = BodyLimit.Event,
        CanonicalBody = true,
    };

    // Identity servers do not sign requests. What they tell is signed by their keys in the rooms' state.
    private static readonly RouteOptions _bind = new()
    {
        Access = Access.Anyone,
        Rate = RateClass.BoundInvites,
        CanonicalBody = true,
    };

    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#put_matrixfederationv1exchange_third_party_inviteroomid
        routes.Of(RouteOwner.Room).Put(
            "exchange_third_party_invite/{roomId}", static body => body.Whole, ExchangeAsync, _exchange);
        // v1.19 server-server-api#put_matrixfederationv13pidonbind
        routes.Of(RouteOwner.InBody).Put("3pid/onbind", Read, BindAsync, _bind);
    }

    private sealed record Bound(string UserId, IReadOnlyList<BoundInvite> Invites);

    private static Bound Read(BodyReader body)
    {
        _ = body.RequiredText("medium");
        _ = body.RequiredText("address");
        var userId = body.RequiredText("mxid");
        _ = body.RequiredItems("invites");
        var invites = (body.InnerItems("invites") ?? []).Select(static invite => new BoundInvite(
            invite.RequiredText("room_id"), invite.RequiredText("sender"), invite.RequiredContent("signed")));
        return new Bound(userId, [.. invites]);
    }

    private async ValueTask<Answer> ExchangeAsync(Call call, JsonObject invite, CancellationToken stop) =>
        RoomAnswers.Empty(await invites.ExchangeAsync(call.Peer.ServerName, call["roomId"], invite, stop));

    private async ValueTask<Answer> BindAsync(Call call, Bound bound, CancellationToken stop)
    {
        // Each invite may be a request to another server. The rate of the route has counted one.
        var wait = bound.Invites.Count <= 1 || bound.Invites.Count > rooms.MaxBoundInvites
            ? TimeSpan.Zero
            : limiter.Take(RateClass.BoundInvites, AddressBlock.Of(call.Address), bound.Invites.Count, taken: 1);
        if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);
        return RoomAnswers.Empty(await boundInvites.BindAsync(bound.UserId, bound.Invites, stop));
    }
}
