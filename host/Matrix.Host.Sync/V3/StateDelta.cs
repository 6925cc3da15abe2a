using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Sync.V3;

/// <summary>An entry of state that goes into an answer.</summary>
/// <param name="Type">The event's type.</param>
/// <param name="StateKey">Its state key.</param>
/// <param name="Nid">The event.</param>
internal readonly record struct StateRef(string Type, string StateKey, EventNid Nid);

/// <summary>
/// Which state events go with a timeline. They come from the difference of two recorded states, never from the timeline: state also
/// changes by resolution, with no event that anybody sees.
/// </summary>
internal static class StateDelta
{
    /// <summary>
    /// The entries of `state`: applied before the timeline, they lead from what the client has to what the room has at the timeline's end.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="before">The state that the client has; the empty one if it has none.</param>
    /// <param name="end">The state at the timeline's end.</param>
    /// <param name="timeline">The events that the client is shown; what each state event replaced is known.</param>
    /// <param name="but">Entries of this type are left out of a whole state; null for none.</param>
    public static List<StateRef> UpToTimeline(
        RoomNid room, StateTree before, StateTree end, IReadOnlyList<StoredEvent> timeline, string? but = null)
    {
        // What the timeline touches is as it was before it; all else is as it is at the end.
        Dictionary<(string, string), EventNid>? shown = null;
        foreach (var stored in timeline)
        {
            if ((stored.Row.Marks & EventMarks.State) == 0 || stored.Pdu.StateKey is not { } key) continue;
            (shown ??= []).TryAdd((stored.Pdu.Type, key), stored.Replaces ?? EventNid.None);
        }

        var entries = UpToEnd(room, before, end, but);
        if (shown is null) return entries;

        entries.RemoveAll(entry => shown.ContainsKey((entry.Type, entry.StateKey)));
        foreach (var ((type, key), replaced) in shown)
        {
            if (!replaced.IsNone && before.Find(type, key)?.Ordinal != replaced.Ordinal) entries.Add(new StateRef(type, key, replaced));
        }

        return entries;
    }

    /// <summary>The entries of `state_after`. An entry that went without another in its place cannot be told.</summary>
    public static List<StateRef> UpToEnd(RoomNid room, StateTree before, StateTree end, string? but = null)
    {
        if (ReferenceEquals(before, end)) return [];
        var entries = new List<StateRef>();
        if (before.Count == 0)
        {
            foreach (var entry in but is null ? end.Entries() : end.Beside(but)) entries.Add(RefOf(room, entry));
            return entries;
        }

        foreach (var change in StateTree.Diff(before, end).Changes)
        {
            if (change.After is { } entry) entries.Add(RefOf(room, entry));
        }

        return entries;
    }

    /// <summary>An entry, as a reference to its event.</summary>
    public static StateRef RefOf(RoomNid room, StateEntry entry) => new(entry.Type, entry.StateKey, EventNid.Of(room, entry.Ordinal));
}
