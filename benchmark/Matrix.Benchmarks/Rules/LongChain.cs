using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Core.StateRes;

namespace Matrix.Benchmarks.Rules;

/// <summary>
/// A room with a chain of 10,000 power levels events, and 500 members whose membership events differ in two states.
/// Either both states have the whole chain, or one has only its beginning: then the whole chain is checked again.
/// </summary>
internal sealed class LongChain
{
    private const int Length = 10_000;
    private const int Members = 500;

    private readonly EventGraph _graph;
    private readonly StateResolver _resolver;
    private readonly StatesToResolve _states;

    public LongChain(string version, bool isShared)
    {
        var rules = AuthRules.Of(version)!;
        _graph = new EventGraph(rules);
        _resolver = StateResolver.Of(rules);
        var opening = DrawnEvents.Opening(version);
        var chain = Enumerable.Range(1, Length).Select(i => DrawnEvents.State(
            version, Level(i), DrawnEvents.Alice, "m.room.power_levels", "", DrawnEvents.Levels(version, i),
            DrawnEvents.Citing(version, "$alice", Level(i - 1)), i, DrawnEvents.Room(version)));
        DrawnEvents.Add(_graph, opening.Concat(chain));

        var early = isShared ? Length : 0;
        var sides = new[] { Length, early }.Select(
            (last, side) => Enumerable.Range(0, Members).Select(i => DrawnEvents.Join(
            version, $"$join{side}-{i}", $"@member{i}:two.example", $"{side}",
            Level(isShared ? last - (i % 100) : last), Length + i)).ToList()).ToList();
        foreach (var side in sides) DrawnEvents.Add(_graph, side);
        var ordinal = 0u;
        var foundation = opening.Where(pdu => pdu.Type != "m.room.power_levels").ToList();
        _states = TreesToResolve.OfTrees([.. sides.Select((side, i) => StateTree.OfEntries(
            [.. foundation.Concat(side).Append(_graph.Find(Level(i == 0 ? Length : early))!.Event.Pdu)
            .Select(pdu => StateEntry.Of(pdu.Type, pdu.StateKey!, pdu.EventId, ++ordinal))], false))]);
    }

    /// <summary>Resolves the differences of the two states.</summary>
    public void Resolve()
    {
        var resolution = _resolver.Resolve(_states, _graph, ResolutionLimits.Usual).ResultValue;
        if (resolution.Entries.Length < Members)
        {
            throw new InvalidOperationException("The states were resolved wrongly.");
        }
    }

    private static string Level(int i) => i == 0 ? "$levels" : $"$levels{i}";
}
