using System.Collections.Frozen;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Statements;

/// <summary>
/// Which code carries a change out, by the change's type. Each table registers what the change means for its rows; several tables may have a part in
/// one change.
/// </summary>
internal sealed class WriteHandlers
{
    private readonly Dictionary<Type, Action<WriteOperation, IWrites>> _building = [];
    private FrozenDictionary<Type, Action<WriteOperation, IWrites>>? _handlers;

    /// <summary>Every kind of operation that has a handler.</summary>
    public IEnumerable<Type> Kinds => _building.Keys;

    /// <summary>This code carries that kind of operation out.</summary>
    public WriteHandlers On<TOperation>(Action<TOperation, IWrites> handler)
        where TOperation : WriteOperation
    {
        Action<WriteOperation, IWrites> part = (operation, writes) => handler((TOperation)operation, writes);
        _building[typeof(TOperation)] = _building.TryGetValue(typeof(TOperation), out var before) ? before + part : part;
        return this;
    }

    /// <summary>One statement carries that kind of operation out.</summary>
    public WriteHandlers On<TOperation>(Statement statement, Action<IArguments, TOperation> bind)
        where TOperation : WriteOperation =>
        On<TOperation>((operation, writes) => writes.Run(statement, operation, bind));

    /// <summary>One statement carries that kind of operation out, and decides whether it applies.</summary>
    public WriteHandlers OnCondition<TOperation>(Statement statement, Action<IArguments, TOperation> bind)
        where TOperation : ConditionalOperation =>
        On<TOperation>((operation, writes) => writes.RunIf(statement, operation, bind));

    /// <summary>One statement carries that kind of operation out; the row that it returns, if it returns one, says what became of it.</summary>
    public WriteHandlers OnCondition<TOperation>(
        Statement statement, Action<IArguments, TOperation> bind, Func<TOperation, IRow, bool> read)
        where TOperation : ConditionalOperation =>
        On<TOperation>((operation, writes) => writes.RunFor(statement, operation, bind, read));

    /// <summary>Carries an operation out.</summary>
    public void Apply(WriteOperation operation, IWrites writes)
    {
        if (operation is ConditionalOperation conditional)
        {
            conditional.Applied = false;
        }

        (_handlers ??= _building.ToFrozenDictionary())[operation.GetType()](operation, writes);
    }
}
