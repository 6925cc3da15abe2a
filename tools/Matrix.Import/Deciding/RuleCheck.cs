using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Import.Deciding;

/// <summary>
/// Decides every imported event again by our rules, and compares the verdict with Synapse's, which is stored. It reads
/// only, in the order of rooms and events, and can go on after any page.
/// </summary>
internal sealed class RuleCheck(InspectedStorage storage)
{
    private const int PageEvents = 500;
    private const int PageRooms = 200;
    private const long StateBytes = 128L << 20;

    private readonly StateStore _states = new(storage.State, StateBytes);
    private readonly StateSteps _steps = new(storage.State, 1L << 20);

    /// <summary>Goes on after the place that the progress has, until nothing is left.</summary>
    /// <param name="progress">Counts, differing verdicts and the place; it is changed.</param>
    /// <param name="onPage">Called after each page, for saving the progress.</param>
    /// <param name="stop">Ends the check between pages.</param>
    public async Task RunAsync(RuleCheckProgress progress, Func<Task> onPage, CancellationToken stop)
    {
        while (true)
        {
            var rooms = await storage.Rooms.ListAsync(new RoomNid(progress.Room - 1), PageRooms, stop);
            foreach (var room in rooms)
            {
                await CheckRoomAsync(room, progress, onPage, stop);
                progress.GoTo(room.Nid.Value + 1, 0);
            }

            if (rooms.Count < PageRooms) return;
        }
    }

    private async Task CheckRoomAsync(
        RoomRow room, RuleCheckProgress progress, Func<Task> onPage, CancellationToken stop)
    {
        var events = new RoomEvents(storage.Events, room.Identity);
        var decider = new EventDecider(room.Identity.Rules, events);
        var states = new RoomStatesInOrder(room.Nid, _steps, _states);
        var create = room.Identity.Rules.RoomIdIsHash
            ? await storage.Events.FindAsync(room.Nid, $"${room.RoomId[1..]}", stop)
            : null;
        var implied = create is null ? null : new StoredEvent(room.Identity, create);
        var after = progress.Room == room.Nid.Value && progress.Ordinal > 0
            ? EventNid.Of(room.Nid, progress.Ordinal)
            : EventNid.FirstOf(room.Nid);
        while (true)
        {
            var rows = await storage.Events.RangeAsync(
                room.Nid, after, null, Direction.Forward, PageEvents, EventMarks.None, stop);
            if (rows.Count == 0) return;
            await CheckPageAsync(room, [.. rows.Select(row => new StoredEvent(room.Identity, row))]);
            after = rows[^1].Nid;
            progress.GoTo(room.Nid.Value, after.Ordinal);
            await onPage();
            if (rows.Count < PageEvents) return;
        }

        async Task CheckPageAsync(RoomRow of, IReadOnlyList<StoredEvent> page)
        {
            await events.ReadIdsAsync(page.SelectMany(static stored => stored.Pdu.AuthEvents), stop);
            var branched = await storage.State.StepsBeforeAsync(
                [.. page.Where(static stored => (stored.Row.Marks & EventMarks.Branched) != 0)
                    .Select(static stored => stored.Nid)],
                stop);
            await states.ReadAsync(
                [.. page.Select(static stored => stored.Row.Step).Concat(branched.Values)], stop);
            foreach (var stored in page)
            {
                var authEvents = stored.Pdu.AuthEvents.Select(events.Find).OfType<StoredEvent>().ToList();
                if (authEvents.Count < stored.Pdu.AuthEvents.Length)
                {
                    progress.Undecidable(of.Version);
                    continue;
                }

                var (ours, clause, against) = await DecideAsync(stored, authEvents, branched);
                var theirs = (stored.Row.Marks & EventMarks.Rejected) != 0 ? RuleVerdict.Rejected
                    : (stored.Row.Marks & EventMarks.SoftFailed) != 0 ? RuleVerdict.SoftFailed
                    : RuleVerdict.Accepted;
                progress.Decided(ours == theirs
                    ? null
                    : new DifferingVerdict(
                        of.RoomId, stored.EventId, of.Version, stored.Pdu.Type, theirs, ours, clause, against),
                    of.Version);
            }
        }

        async Task<(RuleVerdict Verdict, string Clause, string Against)> DecideAsync(
            StoredEvent stored, List<StoredEvent> authEvents, IReadOnlyDictionary<EventNid, int> branched)
        {
            if (decider.ByAuthEvents(stored, authEvents, implied) is { } byAuth)
            {
                return (RuleVerdict.Rejected, byAuth.Clause, "its auth events");
            }

            if ((stored.Row.Marks & EventMarks.Outlier) != 0) return (RuleVerdict.Accepted, "", "");
            var keys = decider.KeysOf(stored.Pdu);
            var before = await states.AtAsync(StepBefore(stored, branched), stop);
            await events.ReadOrdinalsAsync(EventDecider.OrdinalsOf(before, keys), stop);
            if (decider.ByState(stored, authEvents, before, keys) is { } byState)
            {
                return (RuleVerdict.Rejected, byState.Clause, "the state before it");
            }

            // Only what was soft-failed is decided by the current state: how current it was for others is not stored.
            if ((stored.Row.Marks & EventMarks.SoftFailed) == 0) return (RuleVerdict.Accepted, "", "");
            var step = await storage.Rooms.CurrentStepAtAsync(room.Nid, stored.Row.Position - 1, stop);
            var current = await states.AtAsync(step, stop);
            await events.ReadOrdinalsAsync(EventDecider.OrdinalsOf(current, keys), stop);
            return decider.ByState(stored, authEvents, current, keys) is { } byCurrent
                ? (RuleVerdict.SoftFailed, byCurrent.Clause, "the current state")
                : (RuleVerdict.Accepted, "", "the current state");
        }

        int StepBefore(StoredEvent stored, IReadOnlyDictionary<EventNid, int> branched)
        {
            if (branched.TryGetValue(stored.Nid, out var before)) return before;
            var after = stored.Row.Step;
            return (stored.Row.Marks & (EventMarks.State | EventMarks.Rejected)) == EventMarks.State
                && states.StepOf(after) is { } step
                && step.Changes.Changes.Any(change => change.AfterOrdinal == stored.Nid.Ordinal)
                    ? step.Parent
                    : after;
        }
    }
}
