using Matrix.Core.State;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;

namespace Matrix.Import.Deciding;

/// <summary>
/// States of one room for events in their order: the steps of a page are read in one query, and each is made from the
/// one before it.
/// </summary>
internal sealed class RoomStatesInOrder(RoomNid room, StateSteps steps, StateStore states)
{
    private Dictionary<int, StateTree> _trees = [];
    private Dictionary<int, KnownStep> _steps = [];

    /// <summary>Reads what leads to these steps.</summary>
    public async Task ReadAsync(IReadOnlyCollection<int> wanted, CancellationToken stop)
    {
        var greatest = _trees.Count == 0 ? 0 : _trees.Keys.Max();
        var kept = _trees.GetValueOrDefault(greatest);
        _trees = kept is null ? [] : new Dictionary<int, StateTree> { [greatest] = kept };
        _steps = [];
        foreach (var step in await steps.FindAsync(room, [.. wanted.Where(static step => step > 0).Distinct()], stop))
        {
            _steps[step.Step] = step;
        }
    }

    /// <summary>How a step changes the one before it; null if it is not known.</summary>
    public KnownStep? StepOf(int step) => _steps.GetValueOrDefault(step);

    /// <summary>The state of a step.</summary>
    /// <exception cref="InvalidDataException">The database has no such step.</exception>
    public async ValueTask<StateTree> AtAsync(int step, CancellationToken stop)
    {
        if (step == 0) return StateTree.Empty;
        if (_trees.TryGetValue(step, out var known)) return known;
        var tree = _steps.TryGetValue(step, out var row) && _trees.TryGetValue(row.Parent, out var parent)
            ? row.Changes.Apply(parent)
            : await states.AtAsync(room, step, stop);
        return _trees[step] = tree;
    }
}
