using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// Finds the state event that each state event replaced, from the steps of the room's state. Cached events remember it.
/// </summary>
public sealed class ReplacedState(IStateTable steps)
{
    /// <summary>
    /// Sets <see cref="StoredEvent.Replaces"/> of these events of one room. One query, for the steps of the events
    /// where it is not known.
    /// </summary>
    public async ValueTask LearnAsync(RoomNid room, IReadOnlyList<StoredEvent> events, CancellationToken stop)
    {
        Dictionary<int, List<StoredEvent>>? unknown = null;
        foreach (var stored in events)
        {
            if (stored.Replaces is not null) continue;
            if ((stored.Row.Marks & EventMarks.State) == 0)
            {
                stored.Replaces = EventNid.None;
                continue;
            }

            if (!(unknown ??= []).TryGetValue(stored.Row.Step, out var ofStep)) unknown[stored.Row.Step] = ofStep = [];
            ofStep.Add(stored);
        }

        if (unknown is null) return;
        foreach (var row in await steps.StepsAsync(room, unknown.Keys, stop).ConfigureAwait(false))
        {
            foreach (var change in StateStep.Parse(row.Changes.ToArray()).Changes)
            {
                foreach (var stored in unknown[row.Step])
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
}
