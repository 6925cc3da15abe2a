using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Sends member events after a look at the membership before, in one session of the room's lane.</summary>
internal sealed class MembershipChanges(
    RoomSnapshots rooms, RoomLanes lanes, EventAppender appender, TransactionLog transactions, RoomCommands commands)
{
    private static readonly RoomFailure _absent = new(RoomFailureKind.Forbidden, "The user is not in the room.");
    private static readonly RoomFailure _unbanned = new(
        RoomFailureKind.WrongMembership, "The user is not banned.");

    /// <summary>Changes a membership in a room that another node may have.</summary>
    /// <param name="rule">What the membership before decides.</param>
    internal async ValueTask<RoomFailure?> SendAsync(
        string sender,
        string roomId,
        string userId,
        JsonObject content,
        MembershipRule rule,
        CancellationToken stop)
    {
        var sent = await commands.RunAsync(
            roomId,
            () => SendHereAsync(sender, roomId, userId, content, rule, null, stop),
            () => new SetMembership(roomId, RoomCommands.NewId(), sender, userId, content, rule),
            stop);
        return sent.Failure;
    }

    /// <summary>Carries out a command of another node.</summary>
    internal ValueTask<RoomResult<string>> SendHereAsync(SetMembership command, CancellationToken stop) =>
        transactions.OnceAsync(
            RoomCommands.OwnerOf(command),
            RoomCommands.KeyOf(command.Sender, command.Id),
            transaction => SendHereAsync(
                command.Sender,
                command.RoomId,
                command.UserId,
                command.Content,
                command.Rule,
                transaction,
                stop),
            stop);

    private async ValueTask<RoomResult<string>> SendHereAsync(
        string sender,
        string roomId,
        string userId,
        JsonObject content,
        MembershipRule rule,
        Transaction? transaction,
        CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return RoomFailure.Unknown;
        return await lanes.EnterAsync<string>(
            snapshot.Room.Nid,
            async session =>
            {
                var now = await MembershipAsync(session, userId, stop);

                // Only members, and the user themselves, may learn the user's membership. For others the rules decide.
                var mayLearn = sender == userId
                    ? now is not null
                    : await MembershipAsync(session, sender, stop) == Membership.Join;
                if (mayLearn)
                {
                    if (Keeps(rule, now)) return "";
                    if (Refusal(rule, now) is { } refusal) return refusal;
                }

                var made = await appender.AppendAsync(
                    session, Draft.State(EventTypes.Member, userId, sender, content), null, null, stop);
                if (!made.IsOk) return made.Failure;
                if (transaction is not null) session.Request = transaction.Record(made.Value.Nid);
                return made.Value.EventId;
            },
            stop);
    }

    private static bool Keeps(MembershipRule rule, Membership? now) => rule switch
    {
        MembershipRule.KeepLeave => now == Membership.Leave,
        MembershipRule.KeepInvite => now == Membership.Invite,
        MembershipRule.KeepKnock => now == Membership.Knock,
        _ => false,
    };

    private static RoomFailure? Refusal(MembershipRule rule, Membership? now) => rule switch
    {
        MembershipRule.RefuseAbsent when now is not (Membership.Join or Membership.Invite or Membership.Knock) =>
            _absent,
        MembershipRule.RefuseUnbanned when now != Membership.Ban => _unbanned,
        _ => null,
    };

    private async ValueTask<Membership?> MembershipAsync(LaneSession session, string userId, CancellationToken stop)
    {
        var stored = await appender.State.EventAsync(session, EventTypes.Member, userId, stop);
        return stored is null ? null : LaneState.MembershipOf(stored.Pdu);
    }
}
