using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Sync.V3;

/// <summary>A state event in a response.</summary>
internal readonly record struct StateRef(string Type, string StateKey, EventNid Nid);

/// <summary>
/// Computes the state events that go with a timeline, from the difference of two recorded states and never from the
/// timeline: state also changes by resolution, without an event in the timeline.
/// </summary>
internal static class StateDelta
{
    /// <summary>
    /// The entries of `state`: applied before the timeline, they lead from the client's state to the room's state at
    /// the timeline's end.
    /// </summary>
    /// <param name="before">The client's state; empty if it has none.</param>
    /// <param name="timeline">The events of the timeline; each state event has the event that it replaced.</param>
    /// <param name="but">This type is left out of a whole state; null for none.</param>
    public static List<StateRef> UpToTimeline(
        RoomNid room, StateTree before, StateTree end, IReadOnlyList<StoredEvent> timeline, string? but = null)
    {
        // State that the timeline changes is given as it was before the timeline, and all other state as at the end.
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
            if (!replaced.IsNone && before.Find(type, key)?.Ordinal != replaced.Ordinal)
            {
                entries.Add(new StateRef(type, key, replaced));
            }
        }

        return entries;
    }

    /// <summary>The entries of `state_after`. Removed entries without a replacement cannot be expressed.</summary>
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

    /// <summary>The event of an entry.</summary>
    public static StateRef RefOf(RoomNid room, StateEntry entry) =>
        new(entry.Type, entry.StateKey, EventNid.Of(room, entry.Ordinal));
}
