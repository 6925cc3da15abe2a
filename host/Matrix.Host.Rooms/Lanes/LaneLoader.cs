using Matrix.Core.Facade;
using Matrix.Core.Room;
using Matrix.Core.State;
using Matrix.Host.Rooms.State;
using Matrix.Host.Rooms.Views;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>Reads what a lane, or a reader, has to know of a room.</summary>
internal sealed class LaneLoader(IStorage storage, StateStore states)
{
    /// <summary>The head from which a lane goes on; null if there is no such room.</summary>
    internal async ValueTask<LaneHead?> LoadAsync(RoomNid room, CancellationToken stop)
    {
        var row = await storage.Rooms.FindAsync(room, stop).ConfigureAwait(false);
        if (row is null) return null;

        var header = row.Header;
        var chain = await storage.State.ChainAsync(room, header.CurrentStep, stop).ConfigureAwait(false);
        var newest = await storage.State.LastCheckpointAsync(room, stop).ConfigureAwait(false);
        return new LaneHead
        {
            Room = row.Identity,
            Exists = true,
            State = await states.AtAsync(room, header.CurrentStep, stop).ConfigureAwait(false),
            Local = await LocalAsync(room, stop).ConfigureAwait(false),
            Extremities = [.. header.Extremities.Select(extremity => new ForwardExtremity(extremity.Ordinal, extremity.EventId))],
            Depth = header.Depth,
            CurrentStep = header.CurrentStep,
            LastStep = header.LastStep,
            LastOrdinal = header.LastOrdinal,
            FirstOrdinal = header.FirstOrdinal,
            JoinedCount = header.JoinedCount,
            InvitedCount = header.InvitedCount,
            HasRelations = await storage.Relations.AnyAsync(room, stop).ConfigureAwait(false),
            HasWaitingRedactions = (await storage.Events.WaitingRedactionsAsync(room, null, 1, stop).ConfigureAwait(false)).Count > 0,
            BaseStep = chain?.Checkpoint?.Step ?? 0,
            StepsSinceBase = chain?.Steps.Count ?? 0,
            NewestCheckpoint = newest is null ? null : CheckpointHeader.Parse(newest.Data.ToArray()),
        };
    }

    /// <summary>The room as the database has it.</summary>
    internal async ValueTask<RoomView> ViewAsync(RoomRow row, CancellationToken stop) => new()
    {
        Room = row.Identity,
        Step = row.Header.CurrentStep,
        State = await states.AtAsync(row.Nid, row.Header.CurrentStep, stop).ConfigureAwait(false),
        JoinedCount = row.Header.JoinedCount,
        InvitedCount = row.Header.InvitedCount,
        LastEvent = EventNid.Of(row.Nid, row.Header.LastOrdinal),
        Local = await LocalAsync(row.Nid, stop).ConfigureAwait(false),
        HasRelations = await storage.Relations.AnyAsync(row.Nid, stop).ConfigureAwait(false),
        Position = row.LastPosition,
    };

    private async ValueTask<LocalMembers> LocalAsync(RoomNid room, CancellationToken stop)
    {
        var members = await storage.Memberships.LocalMembersAsync(room, MembershipSet.Join, stop).ConfigureAwait(false);
        return LocalMembers.Of(members.Select(member => member.UserId));
    }
}
