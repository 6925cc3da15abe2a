using Matrix.Core.Facade;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming.Graph;
using Matrix.Core.State;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>Loads the room of a lane.</summary>
internal sealed class LaneLoader(
    RoomsTable roomsTable,
    IEventsTable eventsTable,
    IStateTable stateTable,
    IMembershipsTable membershipsTable,
    RelationsTable relationsTable,
    IFollowersTable followersTable,
    StagedEventsTable stagedEventsTable,
    StateStore states,
    RoomsOptions options)
{
    /// <summary>The room as it is durable; null if there is no such room.</summary>
    internal async ValueTask<PendingRoom?> LoadAsync(RoomNid room, CancellationToken stop)
    {
        var row = await roomsTable.FindAsync(room, stop);
        if (row is null) return null;

        var header = row.Header;
        var state = await states.AtAsync(room, header.CurrentStep, stop);
        var chain = await stateTable.ChainAsync(room, header.CurrentStep, stop);
        var newest = await stateTable.LastCheckpointAsync(room, stop);
        var members = await membershipsTable.JoinedLocalMembersAsync([room], stop);
        var gaps = row.IsFederated
            ? await followersTable.GapsAsync(room, options.Receiving.Gaps + 1, stop)
            : [];
        return new PendingRoom
        {
            Room = row.Identity,
            IsFederated = row.IsFederated,
            LastOutlier = row.IsFederated
                ? await eventsTable.LastOutlierAsync(room, stop)
                : 0,
            HadStaged = row.IsFederated && await stagedEventsTable.AnyAsync(room, stop),
            Gaps = RoomGaps.Of([.. gaps.Take(options.Receiving.Gaps)], areAll: gaps.Count <= options.Receiving.Gaps),
            Exists = true,
            State = state,
            Local = LocalMembers.Of(members.Select(member => member.UserId)),
            Extremities = await ExtremitiesAsync(
                row.Identity, header, state, row.IsFederated, stop),
            Depth = header.Depth,
            CurrentStep = header.CurrentStep,
            LastStep = header.LastStep,
            LastOrdinal = header.LastOrdinal,
            FirstOrdinal = header.FirstOrdinal,
            JoinedCount = header.JoinedCount,
            InvitedCount = header.InvitedCount,
            HasRelations = (await relationsTable.AnyAsync([room], stop)).Count > 0,
            HasWaitingRedactions =
                (await eventsTable.WaitingRedactionsAsync(room, null, 1, stop)).Count > 0,
            BaseStep = chain?.Checkpoint?.Step ?? 0,
            StepsSinceBase = chain?.Steps.Count ?? 0,
            NewestCheckpoint = newest is null ? null : CheckpointHeader.Parse(newest.Data.ToArray()),
        };
    }

    /// <summary>
    /// A single extremity's state is the current state; of several extremities, each event names its own.
    /// </summary>
    private async ValueTask<ForwardExtremity[]> ExtremitiesAsync(
        RoomIdentity room, RoomHeader header, StateTree state, bool isFederated, CancellationToken stop)
    {
        // The events of a room without other servers never rest on trust.
        if (!isFederated && header.Extremities is [var one])
        {
            return [new ForwardExtremity(one.Ordinal, one.EventId, header.Depth, state, Provenance.Computed)];
        }

        var nids = header.Extremities.Select(extremity => extremity.Nid(room.Nid)).ToArray();
        var rows = (await eventsTable.FindManyAsync(nids, stop)).ToDictionary(row => row.Nid);
        var found = new ForwardExtremity[nids.Length];
        for (var i = 0; i < found.Length; i++)
        {
            var row = rows[nids[i]];
            var after = found.Length == 1
                ? state
                : await states.AtAsync(room.Nid, row.Step, stop);
            found[i] = new ForwardExtremity(
                nids[i].Ordinal,
                row.EventId,
                found.Length == 1 ? header.Depth : new StoredEvent(room, row).Pdu.Depth,
                after,
                (row.Marks & EventMarks.OnTrust) != 0 ? Provenance.OnTrust : Provenance.Computed);
        }

        return found;
    }
}
