using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Core.StateRes;

namespace Matrix.Benchmarks.Rules;

/// <summary>A room of many members, ten of whom changed their names during a partition: five on each side.</summary>
internal sealed class MemberConflict
{
    private const string Version = "11";
    private const int Changed = 10;

    private readonly EventGraph _graph;
    private readonly StateResolver _resolver;
    private readonly StateTree[] _states;

    public MemberConflict(int entries)
    {
        var rules = AuthRules.Of(Version)!;
        _graph = new EventGraph(rules);
        _resolver = StateResolver.Of(rules);
        var members = entries - 4;
        var opening = DrawnEvents.Opening(Version);
        var joins = Enumerable.Range(0, members).Select(i => Join(i, 0)).ToList();
        DrawnEvents.Add(_graph, opening.Concat(joins));
        var ordinal = 0u;
        var tree = StateTree.OfEntries([.. opening.Concat(joins).Select(pdu => Entry(pdu, ++ordinal))], false);
        var changes = Enumerable.Range(0, Changed).Select(i => Join(i * (members / Changed), 1)).ToList();
        DrawnEvents.Add(_graph, changes);
        _states =
        [
            changes.Take(Changed / 2).Aggregate(tree, (state, pdu) => state.Set(Entry(pdu, ++ordinal))),
            changes.Skip(Changed / 2).Aggregate(tree, (state, pdu) => state.Set(Entry(pdu, ++ordinal))),
        ];
        _ = (_states[0].Root, _states[1].Root);
    }

    /// <summary>Resolves two trees to one.</summary>
    public void Resolve()
    {
        var states = TreesToResolve.OfTrees(_states);
        var resolution = _resolver.Resolve(states, _graph, ResolutionLimits.Usual).ResultValue;
        var resolved = resolution.Entries.Aggregate(
            _states[0], (tree, e) => tree.Set(StateEntry.Of(e.Type, e.StateKey, e.EventId, 0)));
        if (resolution.Entries.Length != Changed || resolved.Count != _states[0].Count)
        {
            throw new InvalidOperationException("The states were resolved wrongly.");
        }
    }

    private static Pdu Join(int member, int time) => time == 0
        ? DrawnEvents.Join(Version, $"$join{member}", $"@member{member}:two.example", "First", "$levels", 10)
        : DrawnEvents.Join(
            Version, $"$again{member}", $"@member{member}:two.example", "Second", "$levels", 20, $"$join{member}");

    private static StateEntry Entry(Pdu pdu, uint ordinal) =>
        StateEntry.Of(pdu.Type, pdu.StateKey!, pdu.EventId, ordinal);
}
