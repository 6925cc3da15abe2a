using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Makes an invite from a third-party invite whose identifier was bound to a user of another server, which requests it.
/// v1.19 server-server-api#cases-where-an-association-doesnt-exist-for-a-third-party-identifier
/// </summary>
public sealed class ThirdPartyInvites
{
    private readonly RoomSnapshots _rooms;
    private readonly ServerAccess _access;
    private readonly ThirdPartyProofs _proofs;
    private readonly IRemoteMemberships _remote;
    private readonly RoomsOptions _options;

    internal ThirdPartyInvites(
        RoomSnapshots rooms,
        ServerAccess access,
        ThirdPartyProofs proofs,
        IRemoteMemberships remote,
        RoomsOptions options)
    {
        _rooms = rooms;
        _access = access;
        _proofs = proofs;
        _remote = remote;
        _options = options;
    }

    /// <summary>
    /// Makes an invite of a user of another server, of the third-party invite of a local user, and sends it to that
    /// server as any other invite.
    /// </summary>
    /// <param name="peer">The invited user's server.</param>
    /// <param name="invite">The part of the membership event that it sent.</param>
    public async ValueTask<RoomFailure?> ExchangeAsync(
        string peer, string roomId, JsonObject invite, CancellationToken stop)
    {
        if (FaultOf(peer, roomId, invite) is { } fault) return fault;
        if (await _rooms.FindAsync(roomId, stop) is not { IsResident: true } snapshot)
        {
            return InviteFailures.NotHere;
        }

        if (await _access.DeniesAsync(peer, snapshot, stop)) return ServerAccess.Denied;
        var content = await _proofs.ContentAsync(snapshot, SignedOf(invite)!, stop);
        if (!content.IsOk) return content.Failure;
        var invited = await _remote.InviteAsync(
            snapshot, invite.Text("sender")!, invite.Text("state_key")!, content.Value, null, stop);
        return invited.Failure;
    }

    private RoomFailure? FaultOf(string peer, string roomId, JsonObject invite) =>
        invite.Text("type") != EventTypes.Member
            || Child(invite, "content")?.Text("membership") != "invite"
            || SignedOf(invite) is not { } signed
            || signed.Text("token") is null
            ? InviteFailures.Invalid("The event is no third-party invite.")
        : invite.Text("room_id") != roomId
            ? InviteFailures.Invalid("The event is not of the room that the path names.")
        : invite.Text("state_key") is not { } userId
            || !UserId.IsValid(userId)
            || signed.Text("mxid") != userId
            ? InviteFailures.Invalid("The identity server has not signed the invited user.")
        : RoomNames.ServerOf(userId) != peer
            ? InviteFailures.Refused($"{userId} is not a user of {peer}.")
        : invite.Text("sender") is not { } sender
            || !UserId.IsValid(sender)
            || RoomNames.ServerOf(sender) != _options.ServerName
            ? InviteFailures.Invalid("The inviter is not a user of this server.")
        : null;

    private static JsonObject? SignedOf(JsonObject invite) =>
        Child(invite, "content") is { } content && Child(content, "third_party_invite") is { } thirdParty
            ? Child(thirdParty, "signed")
            : null;

    private static JsonObject? Child(JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Object { Item: var child } ? child : null;
}
