using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Forgets rooms. v1.19 client-server-api#leaving-rooms</summary>
public sealed class ForgottenRooms
{
    private readonly RoomSnapshots _rooms;
    private readonly IRemoteMemberships _remote;
    private readonly IMembershipsTable _membershipsTable;
    private readonly IStorageWriter _writer;

    internal ForgottenRooms(
        RoomSnapshots rooms, IRemoteMemberships remote, IMembershipsTable membershipsTable, IStorageWriter writer)
    {
        _rooms = rooms;
        _remote = remote;
        _membershipsTable = membershipsTable;
        _writer = writer;
    }

    /// <summary>Forgets a room that the user has left.</summary>
    public async ValueTask<RoomFailure?> ForgetAsync(string userId, string roomId, CancellationToken stop)
    {
        var forgotten = await _remote.ForgetAsync(userId, roomId, stop);
        if (!forgotten.IsOk) return forgotten.Failure;
        if (await _rooms.FindAsync(roomId, stop) is not { } snapshot)
        {
            return forgotten.Value ? null : RoomFailure.Unknown;
        }

        var forget = new RoomForgotten(snapshot.Room.Nid, userId);
        var receipt = await _writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Require(forget), stop);
        if (!receipt.Refused) return null;

        var now = await _membershipsTable.FindAsync(snapshot.Room.Nid, userId, stop);
        return now is null
            ? forgotten.Value ? null : RoomFailure.Unknown
            : new RoomFailure(RoomFailureKind.BadState, $"You have not left {roomId}.");
    }
}
