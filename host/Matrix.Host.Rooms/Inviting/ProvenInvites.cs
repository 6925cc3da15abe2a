using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>Makes invites of third-party invites in rooms that are here.</summary>
internal sealed class ProvenInvites(
    ThirdPartyProofs proofs, RoomLanes lanes, EventAppender appender, RoomReceiver receiver, RoomsOptions options)
{
    /// <summary>
    /// Makes the invite in a room that is here. This server signs it also for an inviter of another server, as the
    /// identity server's signature stands for theirs.
    /// </summary>
    internal async ValueTask<RoomFailure?> MakeAsync(
        RoomSnapshot snapshot, string userId, BoundInvite invite, CancellationToken stop)
    {
        var content = await proofs.ContentAsync(snapshot, invite.Proof, stop);
        if (!content.IsOk) return content.Failure;
        var draft = Draft.State(EventTypes.Member, userId, invite.Sender, content.Value);
        var rules = snapshot.Room.Rules;
        for (var attempt = 1; ; attempt++)
        {
            var made = await lanes.EnterAsync<Pdu>(
                snapshot.Room.Nid,
                async session =>
                {
                    var prepared = await EventAppender.PrepareAsync(session, stop);
                    return await appender.DecideAsync(session, prepared, draft, null, stop);
                },
                stop);
            if (!made.IsOk) return made.Failure;

            var read = rules.ReadReceived(made.Value.Canonical).Value;
            var own = ReceivedEvent.OfPdu(
                read, Array.ConvertAll(read.Signatures, each => new CheckedSignature(each, SignatureFate.Valid)));
            var decided = await receiver.DecideAsync(options.ServerName, snapshot.Room, own, stop);
            if (decided is { IsOk: true, Value: not null }) return null;
            if (attempt == options.InviteAttempts)
            {
                return decided.Failure ?? new RoomFailure(
                    RoomFailureKind.BadState, "The room changed too often during the invite.");
            }
        }
    }
}
