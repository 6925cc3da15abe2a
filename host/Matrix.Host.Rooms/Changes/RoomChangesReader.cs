using System.Runtime.CompilerServices;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Changes;

/// <summary>A durable change of a room, with the position of its batch.</summary>
public readonly record struct RoomChange(long Position, Change Change);

/// <summary>Changes of rooms in commit order.</summary>
/// <param name="Changes">The changes; a batch is never split.</param>
/// <param name="Through">All changes up to this position have been read.</param>
public sealed record RoomChanges(IReadOnlyList<RoomChange> Changes, long Through);

/// <summary>
/// Reads committed changes of rooms again from storage, in commit order, for a consumer that was stopped or is late.
/// </summary>
/// <remarks>
/// Two changes differ from those at the commit: an event that was redacted later has its redacted form, and
/// <see cref="RoomCreated"/> has the room's current header. <see cref="RoomAdvanced"/> is left out, because the room's
/// row has the same information.
/// </remarks>
public sealed class RoomChangesReader(
    RoomsTable roomsTable,
    IEventsTable eventsTable,
    IStorageWriter writer,
    EventStore events,
    StateStore states,
    RoomsOptions options)
{
    /// <summary>
    /// Reads a page of whole batches after a position. There are more if <see cref="RoomChanges.Through"/> is less than
    /// the published position.
    /// </summary>
    public ValueTask<RoomChanges> AfterAsync(long after, CancellationToken stop) =>
        ReadAsync(after, writer.PublishedPosition, stop);

    private async ValueTask<RoomChanges> ReadAsync(long after, long last, CancellationToken stop)
    {
        var (rows, through) = await PageAsync(after, last, stop);
        if (rows.Count == 0) return new RoomChanges([], last);

        var nids = rows.Select(row => row.Nid.Room).Distinct().ToArray();
        var rooms = (await roomsTable.FindManyAsync(nids, stop))
            .ToDictionary(room => room.Nid);
        var identities = rooms.Values.ToDictionary(room => room.Nid, room => room.Identity);

        // Rooms that were deleted since have no changes.
        rows = [.. rows.Where(row => rooms.ContainsKey(row.Nid.Room))];
        var appendedNids = rows.Select(row => row.Nid).ToArray();
        var redacted = (await eventsTable.RedactedByAsync(appendedNids, stop))
            .ToLookup(row => row.RedactedBy);
        var log = (await roomsTable.StateLogAsync(nids, after, through, stop))
            .ToDictionary(row => (row.Room, row.Position), row => row.Step);
        var steps = new Dictionary<RoomNid, int>(await roomsTable.CurrentStepsAtAsync(nids, after, stop));

        var changes = new List<RoomChange>();
        foreach (var batch in rows.GroupBy(row => (row.Position, row.Nid.Room)))
        {
            var (position, nid) = batch.Key;
            var room = identities[nid];
            var appended = batch.Select(row => new StoredEvent(room, row)).ToArray();
            if (appended[0].Row.Marks == EventMarks.State && appended[0].Pdu.Type == EventTypes.Create)
            {
                changes.Add(new RoomChange(position, new RoomCreated(room, appended[0].Row.Sender, rooms[nid].Header)));
            }

            changes.Add(new RoomChange(position, new EventsAppended(room, appended)));
            foreach (var redaction in appended)
            {
                foreach (var row in redacted[redaction.Nid])
                {
                    changes.Add(new RoomChange(position, new EventRedacted(new StoredEvent(room, row))));
                }
            }

            if (!log.TryGetValue((nid, position), out var step)) continue;
            var parent = steps.GetValueOrDefault(nid);
            var before = await states.AtAsync(nid, parent, stop);
            var state = await states.AtAsync(nid, step, stop);
            steps[nid] = step;
            changes.Add(new RoomChange(position, new StateChanged(nid, parent, before, step, state)));
            foreach (var membership in await MembershipsAsync(room, before, state, stop))
            {
                changes.Add(new RoomChange(position, membership));
            }
        }

        return new RoomChanges(changes, through);
    }

    /// <summary>Reads the changes after one position and up to another, a page at a time.</summary>
    public async IAsyncEnumerable<RoomChange> BetweenAsync(
        long after, long through, [EnumeratorCancellation] CancellationToken stop)
    {
        while (after < through)
        {
            var page = await ReadAsync(after, through, stop);
            foreach (var change in page.Changes) yield return change;
            after = page.Through;
        }
    }

    /// <summary>
    /// Reads the events of whole batches. A batch that does not fit into the page is left to the next page; a batch
    /// that is longer than a page is read alone.
    /// </summary>
    private async ValueTask<(IReadOnlyList<EventRow> Rows, long Through)> PageAsync(
        long after, long published, CancellationToken stop)
    {
        for (var limit = options.ChangesPerPage; ; limit *= 2)
        {
            var rows = await eventsTable.AfterPositionAsync(after, published, limit, stop);
            if (rows.Count < limit) return (rows, published);
            var last = rows[^1].Position;
            if (rows[0].Position == last) continue;
            IReadOnlyList<EventRow> whole = [.. rows.TakeWhile(row => row.Position < last)];
            return (whole, whole[^1].Position);
        }
    }

    private async ValueTask<IReadOnlyList<MembershipChanged>> MembershipsAsync(
        RoomIdentity room, StateTree before, StateTree after, CancellationToken stop)
    {
        var changed = new List<MembershipChanged>();
        foreach (var change in StateTree.Diff(before, after).Changes)
        {
            if (change.Type != EventTypes.Member) continue;
            var was = await MembershipAsync(room, change.Before, stop);
            var became = await MembershipAsync(room, change.After, stop);
            if (change.After is not null && became is null) continue;
            var nid = change.After is { } entry ? EventNid.Of(room.Nid, entry.Ordinal) : EventNid.None;
            var isLocal = RoomNames.ServerOf(change.StateKey) == options.ServerName;
            changed.Add(new MembershipChanged(room.Nid, change.StateKey, was, became, nid, isLocal));
        }

        return changed;
    }

    private async ValueTask<Membership?> MembershipAsync(RoomIdentity room, StateEntry? entry, CancellationToken stop)
    {
        if (entry is null) return null;
        var member = await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop)
            ?? throw new InvalidDataException($"Room {room.RoomId} lacks its state event {entry.EventId}.");
        return LaneState.MembershipOf(member.Pdu);
    }
}
