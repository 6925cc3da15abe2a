using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Leaves and bans that end an invite or knock of a local user in a room where this server has no user. The event must
/// name the invite or knock among its auth events, and a user of the inviter's server must have sent it; what else the
/// room's state says of it is not known here.
/// </summary>
internal sealed class EndedInvites(
    SignatureChecker signatures, StrippedRoomsTable strippedRoomsTable, IStorageWriter writer, RoomsOptions options)
    : IStrippedRoomEvents
{
    /// <inheritdoc/>
    public async ValueTask<(string EventId, string Reason)?> ReceiveAsync(
        string roomId, JsonObject pdu, CancellationToken stop)
    {
        if (pdu.Text("type") != EventTypes.Member
            || pdu.Text("state_key") is not { } userId
            || RoomNames.ServerOf(userId) != options.ServerName
            || await strippedRoomsTable.FindAsync(userId, roomId, stop)
                is not { IsOpen: true } row
            || RoomRules.FindUnstable(row.Version) is not { } rules)
        {
            return null;
        }

        var read = rules.ReadReceived(pdu);
        if (!read.IsOk) return null;
        var received = await signatures.CheckAsync(rules, read.Value, stop);
        var id = received.Pdu.EventId;
        if (FaultOf(row, received) is { } fault) return (id, fault);

        var change = new StrippedRoomLeft(
            userId, roomId, row.EventId, received.Pdu.Sender, id, received.Pdu.Canonical, options.MaxEndedInvites);
        _ = await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);
        return (id, "");
    }

    private static string? FaultOf(StrippedRoomRow row, ReceivedEvent received)
    {
        var pdu = received.Pdu;
        return pdu.RoomId != row.RoomId || pdu.Content.Text("membership") is not ("leave" or "ban")
                ? "This server has no user in the room."
            : !Array.TrueForAll(
                received.RequiredSigners, server => received.IsSignedBy(server))
                ? "The event is not validly signed."
            : !pdu.AuthEvents.Contains(row.EventId)
                ? "The event does not name the invite among its auth events."
            : row.Membership == Membership.Invite
                && RoomNames.ServerOf(pdu.Sender) != RoomNames.ServerOf(row.Sender)
                ? "Only the inviter's server can end the invite."
            : null;
    }
}
