using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>Says why an invite of another server is refused: by the server, the user or the room.</summary>
internal sealed class InviteChecks(
    PolicyLists policies, ILocalUsers users, IAccountsTable accountsTable, ServerAccess access, EventStore events)
{
    /// <summary>Why the server's policies or the invited user refuse it; null if they do not.</summary>
    internal async ValueTask<RoomFailure?> RefusedByUserAsync(
        string sender, string userId, string roomId, CancellationToken stop)
    {
        if (await policies.RefusedInviteAsync(sender, userId, roomId, stop) is { } refused) return refused;

        // An application service may create the user meanwhile.
        if (await users.UnknownAsync(userId, stop) is { } unknown) return unknown;
        var user = await accountsTable.FindUserAsync(userId, stop);
        if (user is null or { DeactivatedAt: not null })
        {
            return new RoomFailure(RoomFailureKind.NotFound, $"There is no user {userId}.");
        }

        return await users.BlocksInvitesAsync(userId, stop)
            ? new RoomFailure(RoomFailureKind.InviteBlocked, $"{userId} does not accept invites.")
            : null;
    }

    /// <summary>Why the room, as it is known here, refuses the invite.</summary>
    internal async ValueTask<RoomFailure?> RefusedByRoomAsync(
        RoomSnapshot snapshot, RoomRules rules, string origin, Pdu invite, CancellationToken stop)
    {
        var userId = invite.StateKey!;
        if (snapshot.Room.Rules.Id != rules.Id)
        {
            return InviteFailures.Invalid($"The room has version {snapshot.Room.Rules.Id}.");
        }

        if (!snapshot.IsResident) return null;
        if (snapshot.Local.IsJoined(userId))
        {
            return new RoomFailure(RoomFailureKind.Forbidden, $"{userId} is in the room.");
        }

        if (await access.DeniesAsync(origin, snapshot, stop)) return ServerAccess.Denied;

        // Who redeems an own third-party invite need not be in the room any more.
        if (invite.Content.Has("third_party_invite"))
        {
            return await RedeemsAsync(snapshot, invite, stop)
                ? null
                : new RoomFailure(
                    RoomFailureKind.Forbidden, $"{invite.Sender} has made no such third-party invite in the room.");
        }

        return await access.IsUserJoinedAsync(invite.Sender, snapshot, stop)
            ? null
            : new RoomFailure(RoomFailureKind.Forbidden, $"{invite.Sender} is not in the room.");
    }

    /// <summary>
    /// Whether an invite names a third-party invite of its sender in the room. Authorization rules, membership
    /// "invite".
    /// </summary>
    private async ValueTask<bool> RedeemsAsync(RoomSnapshot snapshot, Pdu invite, CancellationToken stop)
    {
        if (Child(invite.Content, "third_party_invite") is not { } thirdParty
            || Child(thirdParty, "signed")?.Text("token") is not { } token
            || snapshot.State.Find(EventTypes.ThirdPartyInvite, token) is not { } entry)
        {
            return false;
        }

        var nid = EventNid.Of(snapshot.Room.Nid, entry.Ordinal);
        return await events.GetAsync(snapshot.Room, nid, stop) is { } made
            && made.Pdu.Sender == invite.Sender;
    }

    private static JsonObject? Child(JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Object { Item: var child } ? child : null;
}
