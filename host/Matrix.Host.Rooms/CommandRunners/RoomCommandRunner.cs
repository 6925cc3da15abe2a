using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Inviting;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Upgrading;

namespace Matrix.Host.Rooms.CommandRunners;

/// <summary>Carries out the commands of other nodes in rooms of this one, by the code that does it for this node.
/// </summary>
internal sealed class RoomCommandRunner(
    RoomSnapshots rooms,
    RoomSender sender,
    MembershipChanges memberships,
    LocalJoins localJoins,
    RoomJoins joins,
    ProfilePropagation profiles,
    BoundInvites invites,
    RoomUpgrades upgrades,
    RoomRemoval removal,
    ReceivedRoomEvents received,
    IRoomTyping typing,
    IMissingHistory history)
{
    /// <summary>Carries out a command whose room's shard is open here.</summary>
    internal async ValueTask<ReadOnlyMemory<byte>> RunAsync(RoomCommand command, CancellationToken stop)
    {
        var answer = command switch
        {
            SendEvent it => RoomAnswer.Of(await sender.SendHereAsync(it, stop)),
            CheckState it => RoomAnswer.Of(await sender.RefusedHereAsync(it.RoomId, it.Event, stop)),
            SetMembership it => RoomAnswer.Of(await memberships.SendHereAsync(it, stop)),
            JoinRoom { IsLocal: true } it => RoomAnswer.Of(
                await localJoins.JoinHereAsync(it.UserId, it.RoomId, it.Reason, stop, it.InvitationToken)),
            JoinRoom it => RoomAnswer.Of(await joins.JoinHereAsync(
                new JoinRequest(it.UserId, it.Who, it.RoomId, it.Via, it.Reason, it.InvitationToken), stop)),
            ShowProfile it => RoomAnswer.Of(await profiles.ShowHereAsync(it.UserId, it.RoomId, stop)),
            InviteBound it => RoomAnswer.Of(
                await invites.InviteHereAsync(it.UserId, new BoundInvite(it.RoomId, it.Sender, it.Proof), stop)),
            CopyBans it => RoomAnswer.Of(
                await upgrades.CopyBansHereAsync(it.OldRoomId, it.RoomId, it.Sender, stop)),
            HideRoom it => RoomAnswer.Of(await removal.HideHereAsync(it.RoomId, it.Forces, stop)),
            ReceiveEvents it => await ReceiveAsync(it, stop),
            SetTyping it => await TypeAsync(it, stop),
            FetchHistory it => await FetchAsync(it, stop),
            _ => throw new InvalidOperationException($"Nothing carries out {command.GetType().Name}."),
        };
        return answer.ToBytes();
    }

    private async ValueTask<RoomAnswer> ReceiveAsync(ReceiveEvents command, CancellationToken stop)
    {
        var (failure, results) = await received.ReceiveAsync(command.Origin, command.RoomId, command.Pdus, stop);
        return new RoomAnswer(failure, "", results);
    }

    private async ValueTask<RoomAnswer> TypeAsync(SetTyping command, CancellationToken stop)
    {
        if (await rooms.FindAsync(command.RoomId, stop) is { } room)
        {
            typing.Set(room.Room, command.UserId, command.IsTyping);
        }

        return RoomAnswer.Of(failure: null);
    }

    private async ValueTask<RoomAnswer> FetchAsync(FetchHistory command, CancellationToken stop)
    {
        var outcome = await rooms.FindAsync(command.RoomId, stop) is { } room
            ? await history.FetchAsync(room.Room, command.Followers, command.Below, stop)
            : HistoryFetch.NowhereNow;
        return RoomAnswer.Of((RoomResult<string>)outcome.ToString());
    }
}
