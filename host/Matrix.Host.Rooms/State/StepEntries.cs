using Matrix.Core.State;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.State;

/// <summary>
/// Finds a few entries in the states of many steps. Most steps are found from one state and the changes between them,
/// which are read in one query.
/// </summary>
public sealed class StepEntries(StateSteps known, StateStore states)
{
    /// <summary>So few states are loaded one by one.</summary>
    private const int Few = 3;

    /// <summary>
    /// The most changes that are read between steps which nobody asked for: many of them cost less than a state.
    /// </summary>
    private const int MostBetween = 1000;

    /// <summary>
    /// The numbers of the events of these keys in the state of each step; 0 where a state has no such entry.
    /// </summary>
    public async ValueTask<IReadOnlyDictionary<int, uint[]>> AtAsync(
        RoomNid room,
        IEnumerable<int> steps,
        IReadOnlyList<(string Type, string Key)> keys,
        CancellationToken stop)
    {
        var found = new Dictionary<int, uint[]>();
        var missing = new SortedSet<int>();
        foreach (var step in steps)
        {
            if (found.ContainsKey(step)) continue;
            if (states.Known(room, step) is { } tree) found[step] = Of(tree, keys);
            else missing.Add(step);
        }

        if (missing.Count == 0) return found;
        var near = missing.Count <= Few ? null : await ReadAsync(room, missing, found.Keys, stop);
        if (near is not null)
        {
            foreach (var step in found.Keys.ToArray()) Spread(step, near, keys, found);
        }

        foreach (var step in missing.Reverse())
        {
            if (found.ContainsKey(step)) continue;
            found[step] = Of(await states.AtAsync(room, step, stop), keys);
            if (near is not null) Spread(step, near, keys, found);
        }

        return found;
    }

    /// <summary>The changes that lead to these steps, by the steps on both of their sides.</summary>
    private async ValueTask<ILookup<int, Difference>> ReadAsync(
        RoomNid room, SortedSet<int> missing, IEnumerable<int> found, CancellationToken stop)
    {
        var steps = await known.FindAsync(room, Leading(missing, found), stop);
        return steps
            .Select(step => new Difference(step.Parent, step.Step, step.Changes))
            .SelectMany(each => new[] { (At: each.Before, each), (At: each.After, each) })
            .ToLookup(pair => pair.At, pair => pair.each);
    }

    /// <summary>
    /// These steps, and those between them and the known ones, beginning with the nearest: each gap that is closed
    /// saves a state.
    /// </summary>
    private static HashSet<int> Leading(SortedSet<int> missing, IEnumerable<int> known)
    {
        var leading = new HashSet<int>(missing);
        int[] all = [.. missing.Union(known).Order()];
        var gaps = all.Zip(all.Skip(1))
            .Where(gap => missing.Contains(gap.First) || missing.Contains(gap.Second))
            .OrderBy(gap => gap.Second - gap.First);
        var left = MostBetween;
        foreach (var (first, second) in gaps)
        {
            if ((left -= second - first) < 0) break;
            for (var step = first + 1; step < second; step++) leading.Add(step);
        }

        // A step is a change of the one before it.
        foreach (var step in all.Where(step => step > 0)) leading.Add(step);
        return leading;
    }

    /// <summary>Goes from a step whose entries are known to all that the changes lead to.</summary>
    private static void Spread(
        int from,
        ILookup<int, Difference> near,
        IReadOnlyList<(string Type, string Key)> keys,
        Dictionary<int, uint[]> found)
    {
        var next = new Queue<int>();
        next.Enqueue(from);
        while (next.TryDequeue(out var at))
        {
            foreach (var each in near[at])
            {
                var isBack = each.After == at;
                var other = isBack ? each.Before : each.After;
                if (!found.TryAdd(other, Changed(found[at], each.Step, isBack, keys))) continue;
                next.Enqueue(other);
            }
        }
    }

    private static uint[] Changed(
        uint[] entries, StateStep step, bool isBack, IReadOnlyList<(string Type, string Key)> keys)
    {
        uint[]? changed = null;
        foreach (var change in step.Changes)
        {
            for (var i = 0; i < keys.Count; i++)
            {
                if (change.Type != keys[i].Type || change.StateKey != keys[i].Key) continue;
                changed ??= [.. entries];
                changed[i] = isBack ? change.BeforeOrdinal : change.AfterOrdinal;
            }
        }

        return changed ?? entries;
    }

    private static uint[] Of(StateTree state, IReadOnlyList<(string Type, string Key)> keys) =>
        [.. keys.Select(key => state.Find(key.Type, key.Key)?.Ordinal ?? 0)];

    /// <summary>The change between two steps.</summary>
    private sealed record Difference(int Before, int After, StateStep Step);
}
