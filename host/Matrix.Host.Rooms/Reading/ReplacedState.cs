using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// Which state event each state event took the place of. The steps of the room's state say it; an event in memory remembers it.
/// </summary>
public sealed class ReplacedState(IStateTable steps)
{
    /// <summary>
    /// Sees to it that <see cref="StoredEvent.Replaces"/> is known of these events of one room. Costs a question for every checkpoint that the
    /// unknown ones lie behind, so mostly one.
    /// </summary>
    public async ValueTask LearnAsync(RoomNid room, IReadOnlyList<StoredEvent> events, CancellationToken stop)
    {
        while (LatestUnknown(events) is { } latest)
        {
            // Asked for the latest one: the steps back to its checkpoint come with it, and with them the answer for most of the others.
            var chain = await steps.ChainAsync(room, latest.Row.Step, stop).ConfigureAwait(false);
            foreach (var row in chain?.Steps ?? []) Learn(StateStep.Parse(row.Changes.ToArray()), row.Step, room, events);

            if (latest.Replaces is null && await steps.StepAsync(room, latest.Row.Step, stop).ConfigureAwait(false) is { } own)
            {
                Learn(StateStep.Parse(own.Changes.ToArray()), own.Step, room, events);
            }

            // A state event that changed nothing replaced nothing.
            latest.Replaces ??= EventNid.None;
        }
    }

    private static StoredEvent? LatestUnknown(IReadOnlyList<StoredEvent> events)
    {
        StoredEvent? latest = null;
        foreach (var stored in events)
        {
            if (stored.Replaces is not null) continue;
            if ((stored.Row.Standing & EventStanding.State) == 0) stored.Replaces = EventNid.None;
            else if (latest is null || stored.Row.Step > latest.Row.Step) latest = stored;
        }

        return latest;
    }

    private static void Learn(StateStep step, int number, RoomNid room, IReadOnlyList<StoredEvent> events)
    {
        foreach (var stored in events)
        {
            if (stored.Row.Step != number || stored.Replaces is not null) continue;
            foreach (var change in step.Changes)
            {
                if (change.AfterOrdinal != stored.Nid.Ordinal) continue;
                stored.Replaces = change.BeforeOrdinal == 0 ? EventNid.None : EventNid.Of(room, change.BeforeOrdinal);
            }
        }
    }
}
