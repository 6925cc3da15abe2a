using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.Sliding;

/// <summary>The part of a room that a response is about.</summary>
/// <param name="Sent">What the client has; null if it gets the room as a new one.</param>
/// <param name="Before">The state that the client has; empty if it has none.</param>
/// <param name="End">The state at the end.</param>
/// <param name="Through">The last event that may be sent.</param>
/// <param name="Viewer">The user at that end.</param>
/// <param name="Member">The user's member event.</param>
/// <param name="IsEnd">Whether nothing follows for the user, because they left.</param>
internal sealed record RoomSpan(
    RoomSnapshot Snapshot,
    RoomConfig Config,
    SentRoom? Sent,
    StateTree Before,
    StateTree End,
    EventNid Through,
    Viewer Viewer,
    EventNid Member,
    bool IsEnd)
{
    public bool IsInitial => Sent is null;

    /// <summary>Whether the client asks for more of the timeline than it asked for before.</summary>
    public bool IsExpanded => Sent is not null && Config.TimelineLimit > Sent.TimelineLimit;
}

/// <summary>The events of a room in a response.</summary>
/// <param name="State">The numbers of the state events, which are read when they are written.</param>
/// <param name="Changes">The changes of the whole state; null for a new room.</param>
/// <param name="Live">The number of timeline events that came since the last response.</param>
internal sealed record RoomContents(
    Timeline Timeline,
    IReadOnlyList<EventNid> State,
    IReadOnlyList<StateChange> Removed,
    StateChange[]? Changes,
    int Live)
{
    public bool IsEmpty => Timeline.Events.Count == 0 && !Timeline.Limited && State.Count == 0 && Removed.Count == 0;

    /// <summary>Whether the name, the avatar or the members changed, which all clients are told.</summary>
    public bool ChangesSummary =>
        HasChanged(EventTypes.Name) || HasChanged(EventTypes.Avatar) || HasChanged(EventTypes.Member);

    /// <summary>Whether a state event of that type came, changed or went.</summary>
    public bool HasChanged(string type) => Changes is null || Array.Exists(Changes, change => change.Type == type);
}

/// <summary>Reads the events of a room: the timeline, and the state that the client asks for.</summary>
internal sealed class RoomContentsReader(TimelineReader timelines)
{
    /// <summary>Reads the events of a part of a room.</summary>
    /// <param name="later">The user's current member event, if it is not the one by which they left.</param>
    public async ValueTask<RoomContents> ReadAsync(
        SlidingPass pass, RoomSpan span, StoredEvent? later, CancellationToken stop)
    {
        var room = span.Snapshot.Room;
        var query = pass.WithLimit(span.Config.TimelineLimit);
        var after = span.Sent is null || span.IsExpanded ? EventNid.None : span.Sent.LastNid;
        var timeline = await timelines.ReadAsync(
            room, after, span.Through, span.Viewer, query, stop, isEnd: span.IsEnd);
        if (later is not null) timeline = timeline with { Events = [.. timeline.Events, later] };

        var changes = span.IsInitial
            ? null
            : ReferenceEquals(span.Before, span.End) ? [] : StateTree.Diff(span.Before, span.End).Changes;
        var refs = RefsOf(span, changes);
        if (span.Config.RequiredState.LazyMembers) LoadMembers(pass, span, timeline, changes, refs);
        if (pass.IsUnstable && span.IsEnd)
        {
            // The unstable form has no member for the end of the membership. Clients take a room for joined that comes
            // without this event in its state: they do not look for it in the timeline.
            refs[(EventTypes.Member, pass.Reader.UserId)] = later?.Nid ?? span.Member;
        }

        Remember(pass, room.RoomId, refs, timeline.Events);
        return new RoomContents(
            timeline,
            [.. refs.Values.Order()],
            pass.IsUnstable ? [] : Removed(span, changes),
            changes,
            pass.IsInitial ? 0 : timeline.Events.Count(stored => stored.Row.Position > pass.Since));
    }

    /// <summary>The state that is asked for and that the client does not have.</summary>
    private static Dictionary<(string Type, string StateKey), EventNid> RefsOf(RoomSpan span, StateChange[]? changes)
    {
        var room = span.Snapshot.Room.Nid;
        var wanted = span.Config.RequiredState;
        var refs = new Dictionary<(string, string), EventNid>();
        if (changes is null)
        {
            foreach (var entry in wanted.Select(span.End)) Add(entry);
            return refs;
        }

        foreach (var change in changes)
        {
            if (change.After is { } entry && wanted.Admits(entry.Type, entry.StateKey)) Add(entry);
        }

        var former = span.Sent!.RequiredState;
        if (former.Text != wanted.Text)
        {
            foreach (var entry in wanted.Select(span.End))
            {
                if (!former.Admits(entry.Type, entry.StateKey)) Add(entry);
            }
        }

        return refs;

        void Add(StateEntry entry) => refs[(entry.Type, entry.StateKey)] = EventNid.Of(room, entry.Ordinal);
    }

    /// <summary>
    /// Adds the members whom the timeline names, if the client does not have them, and, unless the timeline is limited,
    /// all members that changed. MSC4186, "Lazy loaded memberships".
    /// </summary>
    private static void LoadMembers(
        SlidingPass pass,
        RoomSpan span,
        Timeline timeline,
        StateChange[]? changes,
        Dictionary<(string Type, string StateKey), EventNid> refs)
    {
        var room = span.Snapshot.Room;
        var wanted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var stored in timeline.Events)
        {
            wanted.Add(stored.Row.Sender);
            if ((stored.Row.Marks & EventMarks.State) != 0
                && stored.Pdu is { Type: EventTypes.Member, StateKey: { } target })
            {
                wanted.Add(target);
            }
        }

        if (changes is not null && !timeline.Limited)
        {
            foreach (var change in changes)
            {
                if (change.Type == EventTypes.Member && change.After is not null) wanted.Add(change.StateKey);
            }
        }

        foreach (var userId in wanted)
        {
            if (refs.ContainsKey((EventTypes.Member, userId))) continue;
            if (span.End.Find(EventTypes.Member, userId) is not { } entry) continue;
            var nid = EventNid.Of(room.Nid, entry.Ordinal);
            if (!span.IsInitial
                && pass.Base.Members.TryGetValue((room.RoomId, userId), out var known)
                && known == nid)
            {
                continue;
            }

            refs[(EventTypes.Member, userId)] = nid;
        }
    }

    /// <summary>The state that is gone, without another event in its place.</summary>
    private static StateChange[] Removed(RoomSpan span, StateChange[]? changes) => changes is null
        ? []
        : Array.FindAll(
            changes,
            change => change.After is null && span.Config.RequiredState.Admits(change.Type, change.StateKey));

    private static void Remember(
        SlidingPass pass,
        string roomId,
        Dictionary<(string Type, string StateKey), EventNid> state,
        IReadOnlyList<StoredEvent> timeline)
    {
        foreach (var ((type, userId), nid) in state)
        {
            if (type == EventTypes.Member) pass.Next.Members.Add(new((roomId, userId), nid));
        }

        foreach (var stored in timeline)
        {
            if ((stored.Row.Marks & EventMarks.State) == 0
                || stored.Pdu is not { Type: EventTypes.Member, StateKey: { } userId })
            {
                continue;
            }

            pass.Next.Members.Add(new((roomId, userId), stored.Nid));
        }
    }
}
