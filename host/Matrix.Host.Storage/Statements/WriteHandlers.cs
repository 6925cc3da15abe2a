using System.Collections.Frozen;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Statements;

/// <summary>
/// Maps each type of change to the code that carries it out. Tables register handlers for their rows; several tables
/// may handle one change.
/// </summary>
internal sealed class WriteHandlers
{
    private readonly Dictionary<Type, Action<Change, IWrites>> _building = [];
    private FrozenDictionary<Type, Action<Change, IWrites>>? _handlers;

    /// <summary>Every type of change that has a handler.</summary>
    public IEnumerable<Type> Kinds => _building.Keys;

    /// <summary>Registers code for a type of change.</summary>
    public WriteHandlers On<TChange>(Action<TChange, IWrites> handler)
        where TChange : Change
    {
        Action<Change, IWrites> part = (change, writes) => handler((TChange)change, writes);
        _building[typeof(TChange)] = _building.TryGetValue(typeof(TChange), out var before) ? before + part : part;
        return this;
    }

    /// <summary>Registers one statement for a type of change.</summary>
    public WriteHandlers On<TChange>(Statement statement, Action<IArguments, TChange> bind)
        where TChange : Change =>
        On<TChange>((change, writes) => writes.Run(statement, change, bind));

    /// <summary>Registers one statement that also decides whether the change applies.</summary>
    public WriteHandlers OnCondition<TChange>(Statement statement, Action<IArguments, TChange> bind)
        where TChange : ConditionalChange =>
        On<TChange>((change, writes) => writes.RunIf(statement, change, bind));

    /// <summary>Registers one statement whose returned row, if any, gives the change its results.</summary>
    public WriteHandlers OnCondition<TChange>(
        Statement statement, Action<IArguments, TChange> bind, Func<TChange, IRow, bool> read)
        where TChange : ConditionalChange =>
        On<TChange>((change, writes) => writes.RunFor(statement, change, bind, read));

    /// <summary>Carries a change out.</summary>
    public void Apply(Change change, IWrites writes)
    {
        if (change is ConditionalChange conditional)
        {
            conditional.Applied = false;
        }

        (_handlers ??= _building.ToFrozenDictionary())[change.GetType()](change, writes);
    }
}
