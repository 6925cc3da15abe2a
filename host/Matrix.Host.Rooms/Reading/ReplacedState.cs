using Matrix.Core.State;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// Finds the state before each event, and the state event that it replaced, from the steps of the room's state. Cached
/// events remember the latter.
/// </summary>
public sealed class ReplacedState(IStateTable table, StateSteps steps, RoomsTable rooms, StateStore states)
{
    /// <summary>The state before an event that is no outlier.</summary>
    public async ValueTask<StateTree> StateBeforeAsync(RoomNid room, StoredEvent stored, CancellationToken stop)
    {
        if ((stored.Row.Marks & EventMarks.Branched) != 0)
        {
            var step = await table.StepsBeforeAsync([stored.Nid], stop);
            return await states.AtAsync(room, step[stored.Nid], stop);
        }

        var after = await states.AtAsync(room, stored.Row.Step, stop);
        if ((stored.Row.Marks & (EventMarks.State | EventMarks.Rejected)) != EventMarks.State) return after;
        var found = await steps.FindAsync(room, [stored.Row.Step], stop);
        var changed = found.Any(step => step.Changes.Changes
            .Any(change => change.AfterOrdinal == stored.Nid.Ordinal));
        return changed ? await states.AtAsync(room, found[0].Parent, stop) : after;
    }

    /// <summary>
    /// Sets <see cref="StoredEvent.Replaces"/> of these events of one room. One query, for the steps of the events
    /// where it is not known. An outlier, which has no state of its own, replaced the entry that was current before it
    /// came.
    /// </summary>
    public async ValueTask LearnAsync(RoomNid room, IReadOnlyList<StoredEvent> events, CancellationToken stop)
    {
        Dictionary<int, List<StoredEvent>>? unknown = null;
        List<StoredEvent>? outliers = null;
        foreach (var stored in events)
        {
            if (stored.Replaces is not null) continue;
            if ((stored.Row.Marks & EventMarks.State) == 0)
            {
                stored.Replaces = EventNid.None;
                continue;
            }

            if ((stored.Row.Marks & EventMarks.Outlier) != 0)
            {
                (outliers ??= []).Add(stored);
                continue;
            }

            if (!(unknown ??= []).TryGetValue(stored.Row.Step, out var ofStep)) unknown[stored.Row.Step] = ofStep = [];
            ofStep.Add(stored);
        }

        if (outliers is not null) await LearnOutliersAsync(room, outliers, stop);
        if (unknown is null) return;
        await LearnBranchedAsync(room, unknown, stop);
        if (unknown.Count == 0) return;
        foreach (var step in await steps.FindAsync(room, unknown.Keys, stop))
        {
            foreach (var change in step.Changes.Changes)
            {
                foreach (var stored in unknown[step.Step])
                {
                    if (change.AfterOrdinal != stored.Nid.Ordinal) continue;
                    stored.Replaces = change.BeforeOrdinal == 0
                        ? EventNid.None
                        : EventNid.Of(room, change.BeforeOrdinal);
                }
            }
        }

        // A state event that changed nothing replaced nothing.
        foreach (var stored in unknown.Values.SelectMany(static ofStep => ofStep)) stored.Replaces ??= EventNid.None;
    }

    /// <summary>The same for outliers. One query for those that came together.</summary>
    private async ValueTask LearnOutliersAsync(RoomNid room, List<StoredEvent> outliers, CancellationToken stop)
    {
        foreach (var batch in outliers.GroupBy(static stored => stored.Row.Position))
        {
            var step = await rooms.CurrentStepAtAsync(room, batch.Key - 1, stop);
            var before = await states.AtAsync(room, step, stop);
            foreach (var stored in batch)
            {
                var entry = before.Find(stored.Pdu.Type, stored.Pdu.StateKey!);
                stored.Replaces = entry is null || entry.Ordinal == stored.Nid.Ordinal
                    ? EventNid.None
                    : EventNid.Of(room, entry.Ordinal);
            }
        }
    }

    /// <summary>The same for state events of branches, which leave the dictionary.</summary>
    private async ValueTask LearnBranchedAsync(
        RoomNid room, Dictionary<int, List<StoredEvent>> unknown, CancellationToken stop)
    {
        foreach (var (step, ofStep) in unknown)
        {
            foreach (var stored in ofStep.Where(static each => (each.Row.Marks & EventMarks.Branched) != 0))
            {
                var before = await StateBeforeAsync(room, stored, stop);
                var entry = before.Find(stored.Pdu.Type, stored.Pdu.StateKey!);
                stored.Replaces = entry is null || entry.Ordinal == stored.Nid.Ordinal
                    ? EventNid.None
                    : EventNid.Of(room, entry.Ordinal);
            }

            ofStep.RemoveAll(static each => (each.Row.Marks & EventMarks.Branched) != 0);
            if (ofStep.Count == 0) unknown.Remove(step);
        }
    }
}
