using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Import.Rooms;

/// <summary>Numbers a room's states: equal ones get one number.</summary>
internal sealed class RoomSteps(RoomNid room, RoomChanges changes)
{
    private readonly Dictionary<UInt128, int> _byRoot = [];

    // By step: the step of the checkpoint that it is rebuilt from, and how many steps come after that.
    private readonly List<(int Base, int Length)> _chains = [(0, 0)];

    private CheckpointHeader? _newest;

    /// <summary>The last number.</summary>
    public int Last => _chains.Count - 1;

    /// <summary>The number of the last node of a checkpoint.</summary>
    public int LastNode => _newest?.RootNode ?? 0;

    /// <summary>The number of a state; 0 if it has none yet.</summary>
    public int Find(StateTree tree) =>
        tree.Count == 0 ? 0 : _byRoot.GetValueOrDefault(EventKeys.Of(tree.Root.Span));

    /// <summary>The state with its number. A new one is written as a difference from another.</summary>
    /// <param name="tree">The state.</param>
    /// <param name="parent">The other state.</param>
    /// <param name="position">The position to write it at.</param>
    public NumberedState Number(StateTree tree, NumberedState parent, long position)
    {
        if (tree.Count == 0) return NumberedState.Empty;
        ref var known = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(
            _byRoot, EventKeys.Of(tree.Root.Span), out var exists);
        if (exists) return new NumberedState(known, tree, null);

        var (baseStep, length) = _chains[parent.Step];
        var step = known = _chains.Count;
        var checkpoint = StateCheckpoint.IsDue(length + 1, branchesMeet: false)
            ? StateCheckpoint.Take(tree, _newest)
            : null;
        var delta = StateStep.Between(parent.Tree, tree);
        var numbered = new StateNumbered(room, step, parent.Step, baseStep, delta) { Checkpoint = checkpoint };
        changes.Add(numbered, position);
        changes.Written("states");
        _chains.Add(checkpoint is null ? (baseStep, length + 1) : (step, 0));
        if (checkpoint is not null) _newest = checkpoint.Header;
        return new NumberedState(step, checkpoint?.Tree ?? tree, numbered) { Parent = parent.Step };
    }
}

/// <summary>A state and its number.</summary>
/// <param name="Step">The number; 0 for the empty state.</param>
/// <param name="Tree">The state.</param>
/// <param name="Numbered">The change that numbered it now; null if it had its number before.</param>
internal sealed record NumberedState(int Step, StateTree Tree, StateNumbered? Numbered)
{
    public static NumberedState Empty { get; } = new(0, StateTree.Empty, null);

    /// <summary>The step that it differs from, if it is new.</summary>
    public int Parent { get; init; }
}
