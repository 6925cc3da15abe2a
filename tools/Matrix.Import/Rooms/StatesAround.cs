using Matrix.Core.Event;
using Matrix.Core.State;

namespace Matrix.Import.Rooms;

/// <summary>The states before and after events, as steps.</summary>
internal sealed class StatesAround(EventIndex events, RoomSteps steps, StateGroups groups, RoomChanges changes)
{
    private const int MostPrevious = 20;

    private readonly Dictionary<long, int> _stepOfGroup = [];
    private readonly Dictionary<int, long> _groupOfStep = [];

    /// <summary>The state after every event; null if each has its own.</summary>
    public StateTree? Always { get; set; }

    /// <summary>Loads the states that these events need.</summary>
    /// <param name="chunk">The events.</param>
    /// <param name="isFollowed">Whether the state after an event is needed even if it has a number.</param>
    public async Task LoadAsync(
        IReadOnlyList<SourceEvent> chunk, Func<SourceEvent, bool> isFollowed, CancellationToken stop)
    {
        if (Always is not null) return;
        var needed = new HashSet<long>();
        var inChunk = chunk.ToDictionary(static each => each.At, static each => each.StateGroup);
        foreach (var each in chunk)
        {
            if (each.StateGroup == 0 || each.Pdu is not { } pdu) continue;
            var isKnown = _stepOfGroup.ContainsKey(each.StateGroup);
            if (!isKnown || isFollowed(each)) needed.Add(each.StateGroup);
            if (isKnown && !pdu.IsState) continue;
            foreach (var previous in pdu.PrevEvents.Take(MostPrevious))
            {
                if (GroupOf(previous, inChunk) is not 0 and var group) needed.Add(group);
            }
        }

        await groups.LoadAsync(needed, stop);
    }

    /// <summary>The states around an event: the one before only if it does not follow from the one after.</summary>
    /// <param name="each">The event.</param>
    /// <param name="current">The current state before it; null in history.</param>
    public (NumberedState After, int? Before) Of(SourceEvent each, NumberedState? current)
    {
        var position = Math.Max(0, events.Stream(each.At));
        var pdu = each.Pdu!;
        if (Always is not null) return (steps.Number(Always, NumberedState.Empty, position), null);
        if (_stepOfGroup.TryGetValue(each.StateGroup, out var known) && !pdu.IsState)
        {
            return (new NumberedState(known, groups.Find(each.StateGroup) ?? StateTree.Empty, null), null);
        }

        var previous = PreviousOf(each);
        var near = previous.Count > 0 ? previous[0] : current ?? NumberedState.Empty;
        var tree = groups.Find(each.StateGroup);
        if (tree?.Find(EventTypes.Create, "") is null) tree = MadeUp(each, near);
        if (!IsChanging(each, tree)) return (Numbered(each, tree, near, position), null);

        var before = BeforeOf(each, tree, previous, near, position);
        var after = Numbered(each, tree, before, position);
        return (after, after.Numbered is not null ? null : before.Step);
    }

    private NumberedState Numbered(SourceEvent each, StateTree tree, NumberedState parent, long position)
    {
        var numbered = steps.Number(tree, parent, position);
        if (each.StateGroup != 0)
        {
            _stepOfGroup[each.StateGroup] = numbered.Step;
            _groupOfStep[numbered.Step] = each.StateGroup;
            groups.Replace(each.StateGroup, numbered.Tree);
        }

        return numbered;
    }

    /// <summary>Whether the event is a part of the state after it.</summary>
    private bool IsChanging(SourceEvent each, StateTree after) =>
        each.Pdu is { IsState: true, StateKey: { } key, Type: var type }
        && after.Find(type, key)?.Ordinal == events.Ordinal(each.At);

    /// <summary>
    /// The state before an event: that after a previous one if nothing else differs, otherwise one that is made here.
    /// </summary>
    private NumberedState BeforeOf(
        SourceEvent each, StateTree after, List<NumberedState> previous, NumberedState near, long position)
    {
        var (type, key) = (each.Pdu!.Type, each.Pdu.StateKey!);
        foreach (var one in previous)
        {
            var changes = StateTree.Diff(one.Tree, after).Changes;
            if (changes.Length == 1 && changes[0].Type == type && changes[0].StateKey == key) return one;
        }

        if (each.Pdu.PrevEvents.Length == 0) return NumberedState.Empty;
        var earlier = near.Tree.Find(type, key);
        var before = earlier is null || earlier.Ordinal == events.Ordinal(each.At)
            ? after.Remove(type, key)
            : after.Set(earlier);
        return steps.Number(before, near, position);
    }

    /// <summary>The states after the previous events, as far as they are here.</summary>
    private List<NumberedState> PreviousOf(SourceEvent each)
    {
        var found = new List<NumberedState>(1);
        foreach (var id in each.Pdu!.PrevEvents.Take(MostPrevious))
        {
            if (events.Find(id) is not (>= 0 and var at) || events.Step(at) is not (> 0 and var step)) continue;
            if (_groupOfStep.TryGetValue(step, out var group) && groups.Find(group) is { } tree)
            {
                found.Add(new NumberedState(step, tree, null));
            }
        }

        return found;
    }

    private long GroupOf(string eventId, Dictionary<int, long> inChunk)
    {
        var at = events.Find(eventId);
        if (at < 0) return 0;
        if (inChunk.TryGetValue(at, out var group)) return group;
        return events.Step(at) is > 0 and var step ? _groupOfStep.GetValueOrDefault(step) : 0;
    }

    /// <summary>The state after an event whose state group is missing: the nearest one with the event.</summary>
    private StateTree MadeUp(SourceEvent each, NumberedState near)
    {
        changes.LeaveOut(
            "state groups",
            each.EventId,
            $"Its state group {each.StateGroup} is missing: the state before it is taken.");
        var pdu = each.Pdu!;
        return pdu.StateKey is null || events.Is(each.At, EventTraits.Rejected)
            ? near.Tree
            : near.Tree.Set(StateEntry.Of(
                pdu.Type, pdu.StateKey, pdu.EventId, events.Ordinal(each.At)));
    }
}
