using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Inviting;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Sending;

namespace Matrix.Host.Api.Client.RoomMembership;

/// <summary>Joins, invites, leaves, kicks, bans and forgetting. v1.19 client-server-api#room-membership</summary>
internal sealed class MembershipActions(
    RoomMemberships memberships,
    AddressInvites addresses,
    RoomJoins joins,
    ForgottenRooms forgotten,
    SuspendedUsers suspended,
    RoomAliasDirectory aliases) : IEndpoints
{
    /// <summary>The most characters of a reason, which becomes part of an event.</summary>
    private const int LongestReason = 4096;

    public void Map(ClientRoutes routes)
    {
        var open = new RouteOptions
        {
            Access = Access.UsersAndGuests,
            Rate = RateClass.Membership,
            BodyMayBeMissing = true,
            OpenToSuspended = true,
        };
        var one = new RouteOptions { Rate = RateClass.Membership };

        // v1.19 client-server-api#post_matrixclientv3joinroomidoralias
        routes.Of(RouteOwner.RoomOrAlias(aliases)).Post("join/{roomIdOrAlias}", ReadJoin, JoinByIdOrAliasAsync, open);
        // v1.19 client-server-api#post_matrixclientv3roomsroomidjoin
        routes.Of(RouteOwner.Room).Post("rooms/{roomId}/join", ReadJoin, JoinAsync, open);
        // v1.19 client-server-api#post_matrixclientv3roomsroomidleave
        routes.Of(RouteOwner.Room).Post("rooms/{roomId}/leave", Reason, LeaveAsync, open);
        // v1.19 client-server-api#post_matrixclientv3roomsroomidforget
        routes.Of(RouteOwner.Nobody).Post("rooms/{roomId}/forget", ForgetAsync, open with { Access = Access.Users });
        // v1.19 client-server-api#post_matrixclientv3roomsroomidinvite
        // v1.19 client-server-api#thirdparty_post_matrixclientv3roomsroomidinvite
        routes.Of(RouteOwner.Room).Post("rooms/{roomId}/invite", Invitee, InviteAsync, one);
        // v1.19 client-server-api#post_matrixclientv3roomsroomidkick
        routes.Of(RouteOwner.Room).Post("rooms/{roomId}/kick", Target, Of(memberships.KickAsync), one);
        // v1.19 client-server-api#post_matrixclientv3roomsroomidban
        routes.Of(RouteOwner.Room).Post("rooms/{roomId}/ban", Target, Of(memberships.BanAsync), one);
        // v1.19 client-server-api#post_matrixclientv3roomsroomidunban
        routes.Of(RouteOwner.Room).Post("rooms/{roomId}/unban", Target, Of(memberships.UnbanAsync), one);
    }

    private sealed record Someone(string UserId, string? Reason);

    /// <summary>The reason of a membership.</summary>
    internal static string? Reason(BodyReader body)
    {
        var reason = body.FreeText("reason");
        if (reason?.Length > LongestReason)
        {
            body.Refuse(MatrixError.InvalidParam, $"`reason` can have at most {LongestReason} characters.");
        }

        return reason;
    }

    /// <summary>The body of a join: its reason and the token of a third-party invite, if any.</summary>
    private sealed record Join(string? Reason, string? InvitationToken);

    private static Join ReadJoin(BodyReader body)
    {
        if (body.Inner("third_party_signed") is not { } invite) return new Join(Reason(body), null);
        foreach (var name in (string[])["sender", "mxid"]) _ = invite.RequiredText(name);
        _ = invite.RequiredContent("signatures");
        return new Join(Reason(body), invite.RequiredText("token"));
    }

    private static Someone Target(BodyReader body)
    {
        var userId = body.RequiredText("user_id");
        if (body.Problem is null && !UserId.IsValid(userId))
        {
            body.Refuse(MatrixError.InvalidParam, "`user_id` is not a valid user id.");
        }

        return new Someone(userId, Reason(body));
    }

    private sealed record Invited(Someone? User, AddressInvite? Address, string? Reason);

    private static Invited Invitee(BodyReader body)
    {
        if (InvitesByAddress.IsOne(body)) return new Invited(null, InvitesByAddress.Read(body), Reason(body));
        var user = Target(body);
        return new Invited(user, null, user.Reason);
    }

    private async ValueTask<Answer> InviteAsync(Call call, Invited invited, CancellationToken stop)
    {
        var (sender, roomId) = (call.Caller.UserId, call["roomId"]);
        if (invited.Address is not { } address)
        {
            return RoomAnswers.Empty(await memberships
                .InviteAsync(sender, roomId, invited.User!.UserId, invited.Reason, stop));
        }

        if (InvitesByAddress.Refusal(addresses, address) is { } refusal) return refusal;
        return await addresses.InviteAsync(sender, roomId, address, invited.Reason, stop)
            is { } failure ? InvitesByAddress.Of(failure) : Answer.Empty;
    }

    /// <summary>An action of one user on another in a room.</summary>
    private delegate ValueTask<RoomFailure?> Change(
        string sender, string roomId, string userId, string? reason, CancellationToken stop);

    private static Handler<Someone> Of(Change change) => async (call, target, stop) => RoomAnswers.Empty(
        await change(call.Caller.UserId, call["roomId"], target.UserId, target.Reason, stop));

    private ValueTask<Answer> JoinByIdOrAliasAsync(Call call, Join join, CancellationToken stop) =>
        JoinAsync(call, call["roomIdOrAlias"], join, stop);

    private ValueTask<Answer> JoinAsync(Call call, Join join, CancellationToken stop) =>
        JoinAsync(call, call["roomId"], join, stop);

    private async ValueTask<Answer> JoinAsync(Call call, string room, Join join, CancellationToken stop)
    {
        if (call.Caller.IsSuspended
            && await suspended.RefusesJoinAsync(call.Caller.UserId, room, stop) is { } refused)
        {
            return RoomAnswers.Of(refused);
        }

        // Clients before version 1.12 name servers as `server_name`.
        string[] via = [.. call.Query.Texts("via"), .. call.Query.Texts("server_name")];
        if (call.Query.Problem is { } problem) return problem;
        var request = new JoinRequest(
            call.Caller.UserId, call.CausedBy, room, via, join.Reason, join.InvitationToken);
        return RoomAnswers.RoomId(await joins.JoinAsync(request, stop));
    }

    private async ValueTask<Answer> LeaveAsync(Call call, string? reason, CancellationToken stop) =>
        RoomAnswers.Empty(
            await memberships.LeaveAsync(call.Caller.UserId, call["roomId"], reason, stop, who: call.CausedBy));

    private async ValueTask<Answer> ForgetAsync(Call call, CancellationToken stop) =>
        RoomAnswers.Empty(await forgotten.ForgetAsync(call.Caller.UserId, call["roomId"], stop));
}
