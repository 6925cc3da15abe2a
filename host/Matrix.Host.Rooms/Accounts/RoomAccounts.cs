using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Views;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Accounts;

/// <summary>Shows changes of accounts in the rooms that their users are in, one room after the other.</summary>
public sealed class RoomAccounts : IAccountObserver
{
    private readonly RoomSender _sender;
    private readonly RoomMemberships _memberships;
    private readonly RoomDirectory _rooms;
    private readonly StateReader _state;
    private readonly MemberContents _contents;
    private readonly IMembershipsTable _table;

    internal RoomAccounts(
        RoomSender sender,
        RoomMemberships memberships,
        RoomDirectory rooms,
        StateReader state,
        MemberContents contents,
        IMembershipsTable table)
    {
        _sender = sender;
        _memberships = memberships;
        _rooms = rooms;
        _state = state;
        _contents = contents;
        _table = table;
    }

    /// <inheritdoc/>
    public async ValueTask ProfileChangedAsync(string userId, CancellationToken stop)
    {
        var profile = await _contents.OfAsync(userId, "join", null, stop).ConfigureAwait(false);
        foreach (var row in await _table.RoomsOfAsync(userId, MembershipSet.Join, stop).ConfigureAwait(false))
        {
            if (await _rooms.FindAsync(row.Room, stop).ConfigureAwait(false) is not { } view) continue;
            var now = await _state.ContentAsync(view, "m.room.member", userId, stop).ConfigureAwait(false);
            if (now?.Text("membership") != "join") continue;

            // Who vouched for a join in a restricted room goes on vouching: without them the rules would refuse the new event.
            var vouched = now.Text("join_authorised_via_users_server") is { } voucher
                ? JsonObject.OfSeq(profile.Members.Append(("join_authorised_via_users_server", Json.NewString(voucher))))
                : profile;
            await _sender.SendStateAsync(row.RoomId, Draft.State("m.room.member", userId, userId, vouched), null, stop)
                .ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DeactivatedAsync(string userId, CancellationToken stop)
    {
        var rooms = await _table.RoomsOfAsync(
            userId, MembershipSet.Join | MembershipSet.Invite | MembershipSet.Knock, stop).ConfigureAwait(false);
        foreach (var row in rooms) await _memberships.LeaveAsync(userId, row.RoomId, null, stop).ConfigureAwait(false);
    }
}
