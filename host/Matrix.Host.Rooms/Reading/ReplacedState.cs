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
    /// Sees to it that <see cref="StoredEvent.Replaces"/> is known of these events of one room. Costs one question, for
    /// the steps that the unknown ones made.
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
                    stored.Replaces = change.BeforeOrdinal == 0 ? EventNid.None : EventNid.Of(room, change.BeforeOrdinal);
                }
            }
        }

        // A state event that changed nothing replaced nothing.
        foreach (var stored in unknown.Values.SelectMany(static ofStep => ofStep)) stored.Replaces ??= EventNid.None;
    }
}
