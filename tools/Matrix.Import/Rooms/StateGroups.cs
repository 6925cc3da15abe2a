using System.Globalization;
using Matrix.Core.State;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>
/// The states of a room's state groups. A group is a difference from another one, or whole; a compressor may have
/// rewritten which. The latest states are kept, and share what they have in common.
/// </summary>
/// <param name="source">Synapse's database of state groups.</param>
/// <param name="events">The room's events: an entry that names no event of the room is left out.</param>
/// <param name="dangling">Called with the id of an event that a group names and the room does not have.</param>
internal sealed class StateGroups(ISourceDatabase source, EventIndex events, Action<string> dangling)
{
    /// <summary>Groups of one query.</summary>
    private const int PerQuery = 200;

    /// <summary>The states that are kept between calls, if they are small; fewer of large ones.</summary>
    private const int MostKept = 2_000;

    private const int MostKeptEntries = 4_000_000;

    /// <summary>More than Synapse or a compressor makes.</summary>
    private const int MostHops = 10_000;

    private readonly Dictionary<long, StateTree> _known = [];
    private readonly Queue<long> _order = new();
    private StateTree _latest = StateTree.Empty;

    /// <summary>The state of a group that was loaded; null if it is not kept, or the source lacks it.</summary>
    public StateTree? Find(long group) => _known.GetValueOrDefault(group);

    /// <summary>Keeps another tree of the same state: one whose nodes have numbers.</summary>
    public void Replace(long group, StateTree tree)
    {
        if (_known.ContainsKey(group)) _known[group] = tree;
        _latest = tree;
    }

    /// <summary>Loads these groups. They stay until the next call.</summary>
    public async Task LoadAsync(IReadOnlyCollection<long> groups, CancellationToken stop)
    {
        var most = Math.Clamp(MostKeptEntries / (_latest.Count + 1), 64, MostKept);
        while (_known.Count > most && _order.TryDequeue(out var oldest))
        {
            if (!groups.Contains(oldest)) _known.Remove(oldest);
            else _order.Enqueue(oldest);
            if (_order.Count <= groups.Count) break;
        }

        var parents = await ParentsAsync(groups, stop);
        var held = new Dictionary<long, List<StateChange>>();
        foreach (var chunk in InOrder(parents).Chunk(PerQuery)) await ReadAsync(chunk, parents, held, stop);
        await KeepEmptyAsync(parents, stop);
        foreach (var group in InOrder(parents))
        {
            if (!_known.ContainsKey(group)) Build(group, parents[group], held);
        }
    }

    /// <summary>The groups that have to be read, and what each differs from; 0 for nothing.</summary>
    private async Task<Dictionary<long, long>> ParentsAsync(IEnumerable<long> groups, CancellationToken stop)
    {
        var parents = new Dictionary<long, long>();
        HashSet<long> next = [.. groups.Where(group => !_known.ContainsKey(group))];
        for (var hop = 0; next.Count > 0 && hop < MostHops; hop++)
        {
            foreach (var group in next) parents[group] = 0;
            var further = new HashSet<long>();
            foreach (var chunk in next.Chunk(PerQuery))
            {
                await foreach (var row in source.RowsAsync(
                    $"""
                    SELECT state_group, prev_state_group FROM state_group_edges WHERE state_group IN ({List(chunk)})
                    """,
                    stop))
                {
                    var (group, parent) = (row.Int64(0), row.Int64(1));
                    parents[group] = parent;
                    if (!_known.ContainsKey(parent) && !parents.ContainsKey(parent)) further.Add(parent);
                }
            }

            next = further;
        }

        return parents;
    }

    /// <summary>Each group after the one that it differs from. What differs from itself, over others, counts as whole.
    /// </summary>
    private static List<long> InOrder(Dictionary<long, long> parents)
    {
        var ordered = new List<long>(parents.Count);
        var done = new HashSet<long>();
        var chain = new Stack<long>();
        foreach (var group in parents.Keys.Order().ToArray())
        {
            var met = new HashSet<long>();
            for (var at = group; parents.TryGetValue(at, out var parent) && !done.Contains(at); at = parent)
            {
                if (!met.Add(at))
                {
                    parents[at] = 0;
                    break;
                }

                chain.Push(at);
            }

            while (chain.TryPop(out var at))
            {
                if (done.Add(at)) ordered.Add(at);
            }
        }

        return ordered;
    }

    private async Task ReadAsync(
        long[] chunk, Dictionary<long, long> parents, Dictionary<long, List<StateChange>> held, CancellationToken stop)
    {
        Reading? reading = null;
        await foreach (var row in source.RowsAsync(
            $"""
            SELECT state_group, type, state_key, event_id FROM state_groups_state WHERE state_group IN ({List(chunk)})
            ORDER BY state_group
            """,
            stop))
        {
            var group = row.Int64(0);
            if (reading?.Group != group)
            {
                await EndAsync(reading, parents, held, stop);
                reading = new Reading(group, parents[group] == 0 ? _latest : null);
            }

            if (EntryOf(row) is { } entry) reading.Take(entry);
            else reading.Lack(row.Text(1), row.Text(2), row.Text(3));
        }

        await EndAsync(reading, parents, held, stop);
    }

    private StateEntry? EntryOf(ISourceRow row)
    {
        var eventId = row.Text(3);
        if (events.Find(eventId) is >= 0 and var at)
        {
            return StateEntry.Of(row.Text(1), row.Text(2), eventId, events.Ordinal(at));
        }

        dangling(eventId);
        return null;
    }

    /// <summary>A whole group is made of the latest state, with which it shares most; a difference waits for its base.
    /// </summary>
    private async Task EndAsync(
        Reading? reading,
        Dictionary<long, long> parents,
        Dictionary<long, List<StateChange>> held,
        CancellationToken stop)
    {
        if (reading is null) return;
        if (reading.Like is not { } like)
        {
            var parent = parents[reading.Group];
            if (_known.ContainsKey(parent)) Build(reading.Group, parent, reading.Changes);
            else held[reading.Group] = reading.Changes;
            return;
        }

        if (reading.Seen == like.Count)
        {
            Keep(reading.Group, like.Apply(reading.Changes));
            return;
        }

        // Entries of the latest state are not in this one: which ones, only the whole group says.
        var entries = new List<StateEntry>(reading.Seen + reading.Changes.Count);
        await foreach (var row in source.RowsAsync(
            "SELECT state_group, type, state_key, event_id FROM state_groups_state WHERE state_group = $1",
            stop,
            reading.Group))
        {
            if (EntryOf(row) is { } entry) entries.Add(entry);
        }

        var whole = StateTree.OfEntries(entries, false);
        Keep(reading.Group, like.Apply(StateTree.Diff(like, whole).Changes));
    }

    /// <summary>A group without entries is the state before the create event; one that is missing is none.</summary>
    private async Task KeepEmptyAsync(Dictionary<long, long> parents, CancellationToken stop)
    {
        var bare = parents.Where(each => each.Value == 0 && !_known.ContainsKey(each.Key)).Select(each => each.Key);
        foreach (var chunk in bare.ToArray().Chunk(PerQuery))
        {
            await foreach (var row in source.RowsAsync(
                $"SELECT id FROM state_groups WHERE id IN ({List(chunk)})", stop))
            {
                if (_known.TryAdd(row.Int64(0), StateTree.Empty)) _order.Enqueue(row.Int64(0));
            }
        }
    }

    private void Build(long group, long parent, Dictionary<long, List<StateChange>> held) =>
        Build(group, parent, held.GetValueOrDefault(group) ?? []);

    private void Build(long group, long parent, List<StateChange> changes)
    {
        var from = parent == 0 ? StateTree.Empty : _known.GetValueOrDefault(parent);

        // If the base is missing, so is this group.
        if (parent == 0 || from is null) return;
        Keep(group, from.Apply(changes));
    }

    private void Keep(long group, StateTree tree)
    {
        if (_known.TryAdd(group, tree)) _order.Enqueue(group);
        _latest = tree;
    }

    private static string List(IEnumerable<long> groups) =>
        string.Join(',', groups.Select(static group => group.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A group whose rows are being read.</summary>
    private sealed class Reading(long group, StateTree? like)
    {
        public long Group => group;

        /// <summary>The state that it is compared with; null if it is a difference from another group.</summary>
        public StateTree? Like => like;

        public List<StateChange> Changes { get; } = [];

        /// <summary>Entries that the other state has under the same key.</summary>
        public int Seen { get; private set; }

        public void Take(StateEntry entry)
        {
            if (like?.Find(entry.Type, entry.StateKey) is { } other)
            {
                Seen++;
                if (other.Ordinal == entry.Ordinal) return;
            }

            Changes.Add(StateChange.Added(entry));
        }

        /// <summary>An entry whose event is not here: the state has none, also if the other group's has.</summary>
        public void Lack(string type, string stateKey, string eventId)
        {
            if (like is null) Changes.Add(StateChange.Removed(StateEntry.Of(type, stateKey, eventId, 0)));
        }
    }
}
