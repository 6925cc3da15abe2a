using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Inviting;

namespace Matrix.Host.Api.Federation.InvitingToRooms;

/// <summary>Invites of local users by other servers. v1.19 server-server-api#inviting-to-a-room</summary>
internal sealed class Invites(ReceivedInvites invites, RateLimiter limiter, FederationOptions server)
    : IFederationEndpoints
{
    private const string Path = "invite/{roomId}/{eventId}";
    private const string State = "invite_room_state";

    private static readonly RouteOptions _options = RouteOptions.ForServers with
    {
        Rate = RateClass.ServerMembership,
        Body = BodyLimit.Large,
    };

    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#put_matrixfederationv1inviteroomideventid
        routes.Of(RouteOwner.Nobody).Put(Path, ReadFirst, InviteFirstAsync, _options);
        // v1.19 server-server-api#put_matrixfederationv2inviteroomideventid
        routes.Of(RouteOwner.Nobody).V2.Put(Path, Read, InviteAsync, _options);
    }

    /// <summary>The body of a request.</summary>
    /// <param name="Version">The room's version; null if the request does not say.</param>
    private sealed record Body(string? Version, JsonObject Event, Json[] State);

    private static Body Read(BodyReader body) =>
        new(body.RequiredText("room_version"), body.RequiredContent("event"), body.Items(State) ?? []);

    /// <summary>In version 1 of the endpoint, the body is the event.</summary>
    private static Body ReadFirst(BodyReader body) =>
        new(null, body.Whole, body.Inner("unsigned")?.Items(State) ?? []);

    private async ValueTask<Answer> InviteAsync(Call call, Body body, CancellationToken stop)
    {
        var (answer, signed) = await SignedAsync(call, body, stop);
        return answer ?? Answer.Bytes(JsonText.Write(signed!));
    }

    private async ValueTask<Answer> InviteFirstAsync(Call call, Body body, CancellationToken stop)
    {
        var (answer, signed) = await SignedAsync(call, body, stop);
        return answer
            ?? Answer.Bytes(JsonText.Write(Json.Of([Json.Of(200), Json.Of(signed!)])));
    }

    private async ValueTask<(Answer? Refusal, JsonObject? Signed)> SignedAsync(
        Call call, Body body, CancellationToken stop)
    {
        // A user who is none of this server's is refused below, and so is a sender of another server.
        var wait = body.Event.Text("state_key") is { } userId && server.IsLocalUser(userId)
            ? limiter.Take(RateClass.Invites, $"{body.Event.Text("sender")} {userId}")
            : TimeSpan.Zero;
        if (wait > TimeSpan.Zero) return (Answer.LimitExceeded(wait), null);

        var invite = new ReceivedInvite(
            call.Peer.ServerName, call["roomId"], call["eventId"], body.Version, body.Event, body.State);
        var signed = await invites.ReceiveAsync(invite, stop);
        return signed.IsOk
            ? (null, JsonObject.OfSeq([("event", Json.Of(signed.Value))]))
            : (RoomAnswers.Of(signed.Failure), null);
    }
}
