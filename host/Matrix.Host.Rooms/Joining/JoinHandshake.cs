using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;

namespace Matrix.Host.Rooms.Joining;

/// <summary>A join event that this server signed, from the template of another server.</summary>
/// <param name="Content">The content that was asked for, with the authorising user.</param>
internal sealed record SignedJoin(RoomRules Rules, Pdu Pdu, JsonObject Content);

/// <summary>
/// The template of a join and the signed join, at one server: `make_join` and `send_join`.
/// v1.19 server-server-api#joining-rooms
/// </summary>
internal sealed class JoinHandshake(
    FederationOperations api,
    UserRequests requests,
    TemplateSigner signer,
    MemberContents contents,
    RoomsOptions options)
{
    /// <summary>Gets a template, and signs the join.</summary>
    /// <param name="snapshot">The room, if it is known here.</param>
    internal async ValueTask<RoomResult<SignedJoin>> MakeAsync(
        string server, RemoteJoin join, RoomSnapshot? snapshot, JoinTimings timings, CancellationToken stop)
    {
        string[] versions = [.. RoomRules.Known, .. options.UnstableRoomVersions];
        var made = await requests.SendAsync(
            join.Who,
            server,
            within => api.MakeJoinAsync(server, join.RoomId, join.UserId, versions, within),
            stop);
        if (!made.IsOk) return RemoteFailures.PassedOn(server, made.Failure!);
        timings.Ended("template");
        if (RoomRules.FindUnstable(made.Value.RoomVersion) is not { } rules
            || (snapshot is not null && snapshot.Room.Rules.Id != rules.Id))
        {
            return RemoteFailures.Unusable(server, $"the room cannot have the version {made.Value.RoomVersion}");
        }

        var authorisingUser = AuthorisingUserOf(made.Value.Event);
        if (authorisingUser is not null && RoomNames.ServerOf(authorisingUser) != server)
        {
            // This server's signature must not authorise a join whose conditions it has not checked.
            return RemoteFailures.Unusable(server, $"the authorising user {authorisingUser} is not one of its users");
        }

        var content = RestrictedJoins.WithAuthorisingUser(
            await contents.OfAsync(join.UserId, "join", join.Reason, stop), authorisingUser);
        var signed = signer.Sign(rules, join.RoomId, join.UserId, content, made.Value.Event);
        return signed.IsOk
            ? new SignedJoin(rules, signed.Value, content)
            : RemoteFailures.InvalidTemplate(server, signed.Failure);
    }

    /// <summary>Sends the join, and returns the room that the server answers with.</summary>
    internal async ValueTask<RoomResult<JoinedRoom>> SendAsync(
        string server, string roomId, Pdu join, JoinTimings timings, CancellationToken stop)
    {
        var sent = await api.SendJoinAsync(
            server, roomId, join.EventId, EventJson.Of(join), omitMembers: false, stop);
        if (!sent.IsOk) return RemoteFailures.PassedOn(server, sent.Failure!);
        timings.Ended("response");
        return sent.Value;
    }

    /// <summary>The authorising user of a template; null for none. v1.19 client-server-api#restricted-rooms</summary>
    private static string? AuthorisingUserOf(JsonObject template) =>
        JsonText.TryGet(template, "content", out var given)
        && given is Json.Object { Item: var of }
        && of.Text(RestrictedJoins.AuthorisingUser) is { } user
        && UserId.IsValid(user)
            ? user
            : null;
}
