using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Import.Rooms;

/// <summary>The current state of a room from its first event to its last, and the memberships that follow from it.
/// </summary>
/// <param name="room">The room's number.</param>
/// <param name="events">Its events.</param>
/// <param name="steps">Its numbered states.</param>
/// <param name="deltas">The changes that Synapse recorded.</param>
/// <param name="changes">Takes the log.</param>
internal sealed class CurrentState(
    RoomNid room, EventIndex events, RoomSteps steps, StateDeltas deltas, RoomChanges changes)
{
    private readonly Dictionary<string, Member> _members = new(StringComparer.Ordinal);

    // Synapse's own, which is empty while no local user is in the room; null while it is the same as ours.
    private StateTree? _synapses;
    private bool _hasTaken;

    /// <summary>The current state.</summary>
    public NumberedState Now { get; private set; } = NumberedState.Empty;

    /// <summary>The position of the last change.</summary>
    public long LastPosition { get; private set; }

    /// <summary>The state before Synapse's first recorded change, if there was one.</summary>
    public required StateTree Beginning { get; init; }

    /// <summary>The members with the positions at which their memberships began.</summary>
    public IReadOnlyDictionary<string, Member> Members => _members;

    /// <summary>Whether the state after an event is needed to follow the current state.</summary>
    public bool FollowsEvents(long position) => position < deltas.First;

    /// <summary>Follows what became current before an event.</summary>
    public async ValueTask BeforeAsync(long position)
    {
        foreach (var same in (await deltas.UpToAsync(position - 1)).GroupBy(static delta => delta.Position))
        {
            Take(same.Key, [.. same], null);
        }
    }

    /// <summary>Follows what became current with a live event.</summary>
    /// <param name="position">The event's position.</param>
    /// <param name="after">The state after it; null if it is not known, or the event was refused.</param>
    public async ValueTask WithAsync(long position, NumberedState? after)
    {
        if (FollowsEvents(position))
        {
            if (after is not null) Become(position, after);
            return;
        }

        var recorded = await deltas.UpToAsync(position);
        if (recorded.Count > 0) Take(position, recorded, after);
    }

    /// <summary>Makes the state the current one, if it is not yet: what Synapse recorded was incomplete.</summary>
    public async ValueTask EndAsync(StateTree? last, long position)
    {
        foreach (var same in (await deltas.UpToAsync(long.MaxValue - 1)).GroupBy(static delta => delta.Position))
        {
            Take(same.Key, [.. same], null);
        }

        if (last is null || StateTree.Diff(Now.Tree, last).Changes.Length == 0) return;
        Become(Math.Max(position, LastPosition), last);
    }

    /// <summary>Makes another tree of the current state the kept one.</summary>
    public void Use(NumberedState same)
    {
        if (same.Step == Now.Step) Now = Now with { Tree = same.Tree };
    }

    private void Take(long position, IReadOnlyList<StateDelta> recorded, NumberedState? after)
    {
        var before = _synapses ?? (_hasTaken ? Now.Tree : Beginning);
        _hasTaken = true;
        var synapses = before.Apply(ChangesOf(before, recorded));
        if (synapses.Find(EventTypes.Create, "") is null)
        {
            // No local user is left: the state after the last leave stays.
            _synapses = synapses;
            if (after is not null) Become(position, after);
            return;
        }

        _synapses = null;
        if (after is not null && StateTree.Diff(synapses, after.Tree).Changes.Length == 0) Become(position, after);
        else Become(position, synapses);
    }

    private List<StateChange> ChangesOf(StateTree before, IReadOnlyList<StateDelta> recorded)
    {
        var found = new List<StateChange>(recorded.Count);
        foreach (var delta in recorded)
        {
            if (delta.Event >= 0)
            {
                found.Add(StateChange.Added(
                    StateEntry.Of(delta.Type, delta.StateKey, delta.EventId, events.Ordinal(delta.Event))));
            }
            else if (before.Find(delta.Type, delta.StateKey) is { } removed)
            {
                found.Add(StateChange.Removed(removed));
            }
        }

        return found;
    }

    private void Become(long position, StateTree tree)
    {
        if (StateTree.Diff(Now.Tree, tree).Changes.Length > 0) Become(position, steps.Number(tree, Now, position));
    }

    private void Become(long position, NumberedState next)
    {
        if (next.Step == Now.Step) return;
        foreach (var change in StateTree.Diff(Now.Tree, next.Tree).Changes)
        {
            if (change.Type == EventTypes.Member) Note(position, change);
        }

        var numbered = next.Parent == Now.Step ? next.Numbered : null;
        changes.Add(
            new StateChanged(room, Now.Step, Now.Tree, next.Step, next.Tree) { Numbered = numbered }, position);
        (Now, LastPosition) = (next with { Numbered = null }, position);
    }

    private void Note(long position, StateChange change)
    {
        if (change.After is not { } entry)
        {
            _members.Remove(change.StateKey);
            return;
        }

        var at = events.Find(entry.EventId);
        if (at < 0 || events.MembershipOf(at) is not { } membership) return;
        var began = _members.TryGetValue(change.StateKey, out var earlier)
            && earlier.Membership == Membership.Join && membership == Membership.Join
            ? earlier.Position
            : position;
        _members[change.StateKey] = new Member(membership, EventNid.Of(room, entry.Ordinal), began);
    }
}

/// <summary>A member of a room.</summary>
/// <param name="Event">The member event.</param>
/// <param name="Position">Where the membership began.</param>
internal readonly record struct Member(Membership Membership, EventNid Event, long Position);
