using System.Collections.Frozen;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Statements;

/// <summary>
/// Which code carries a change out, by the change's type. Each table registers what the change means for its rows; several tables may have a part in
/// one change.
/// </summary>
internal sealed class WriteHandlers
{
    private readonly Dictionary<Type, Action<Change, IWrites>> _building = [];
    private FrozenDictionary<Type, Action<Change, IWrites>>? _handlers;

    /// <summary>Every kind of change that has a handler.</summary>
    public IEnumerable<Type> Kinds => _building.Keys;

    /// <summary>This code carries that kind of change out.</summary>
    public WriteHandlers On<TChange>(Action<TChange, IWrites> handler)
        where TChange : Change
    {
        Action<Change, IWrites> part = (change, writes) => handler((TChange)change, writes);
        _building[typeof(TChange)] = _building.TryGetValue(typeof(TChange), out var before) ? before + part : part;
        return this;
    }

    /// <summary>One statement carries that kind of change out.</summary>
    public WriteHandlers On<TChange>(Statement statement, Action<IArguments, TChange> bind)
        where TChange : Change =>
        On<TChange>((change, writes) => writes.Run(statement, change, bind));

    /// <summary>One statement carries that kind of change out, and decides whether it applies.</summary>
    public WriteHandlers OnCondition<TChange>(Statement statement, Action<IArguments, TChange> bind)
        where TChange : ConditionalChange =>
        On<TChange>((change, writes) => writes.RunIf(statement, change, bind));

    /// <summary>One statement carries that kind of change out; the row that it returns, if it returns one, says what became of it.</summary>
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
