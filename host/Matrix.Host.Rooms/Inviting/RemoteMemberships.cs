using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>Memberships that other servers take part in.</summary>
internal sealed class RemoteMemberships(
    RemoteInvites invites,
    RemoteKnocks knocks,
    RemoteLeaves leaves,
    StrippedRoomsTable strippedRoomsTable,
    IStorageWriter writer) : IRemoteMemberships
{
    /// <inheritdoc/>
    public ValueTask<RoomFailure?> RefusedInviteAsync(
        RoomSnapshot room, string sender, string userId, CancellationToken stop) =>
        invites.RefusedAsync(
            room,
            Draft.State(EventTypes.Member, userId, sender, JsonObject.OfSeq([("membership", Json.Of("invite"))])),
            stop);

    /// <inheritdoc/>
    public ValueTask<RoomResult<string>> InviteAsync(
        RoomSnapshot room, string sender, string userId, JsonObject content, long? timestamp, CancellationToken stop) =>
        invites.InviteAsync(room, Draft.State(EventTypes.Member, userId, sender, content), timestamp, stop);

    /// <inheritdoc/>
    public ValueTask<bool> LeaveAsync(
        string who, string userId, string roomId, string? reason, CancellationToken stop) =>
        leaves.LeaveAsync(who, userId, roomId, reason, stop);

    /// <inheritdoc/>
    public ValueTask<RoomFailure?> KnockAsync(
        string who,
        string userId,
        string roomId,
        IReadOnlyList<string> servers,
        string? reason,
        CancellationToken stop) =>
        knocks.KnockAsync(who, userId, roomId, servers, reason, stop);

    /// <inheritdoc/>
    public async ValueTask<RoomResult<bool>> ForgetAsync(string userId, string roomId, CancellationToken stop)
    {
        if (await strippedRoomsTable.FindAsync(userId, roomId, stop) is null) return false;
        var forget = new StrippedRoomForgotten(userId, roomId);
        var receipt = await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Require(forget), stop);
        return receipt.Refused ? new RoomFailure(RoomFailureKind.BadState, $"You have not left {roomId}.") : true;
    }
}
