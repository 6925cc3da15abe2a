using Matrix.Core.State;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>
/// The current state of a room has changed. The node that changed it has both states; other nodes have the difference.
/// </summary>
public sealed record StateChanged : Change
{
    private readonly StateTree? _before;
    private StateStep? _delta;

    /// <summary>The change from one state to another.</summary>
    /// <param name="room">The room.</param>
    /// <param name="parent">The number of the state before; 0 is the empty state.</param>
    /// <param name="before">The state before.</param>
    /// <param name="step">The number of the new state.</param>
    /// <param name="after">The new state.</param>
    public StateChanged(RoomNid room, int parent, StateTree before, int step, StateTree after)
    {
        (Room, Parent, Step) = (room, parent, step);
        (_before, After) = (before, after);
    }

    /// <summary>A change that another node made.</summary>
    /// <param name="room">The room.</param>
    /// <param name="parent">The number of the state before; 0 is the empty state.</param>
    /// <param name="step">The number of the new state.</param>
    /// <param name="delta">The difference.</param>
    public StateChanged(RoomNid room, int parent, int step, StateStep delta)
    {
        (Room, Parent, Step) = (room, parent, step);
        _delta = delta;
    }

    /// <summary>The room.</summary>
    public RoomNid Room { get; }

    /// <summary>The number of the state before; 0 is the empty state.</summary>
    public int Parent { get; }

    /// <summary>The number of the new state.</summary>
    public int Step { get; }

    /// <summary>The new state; null if another node changed it.</summary>
    public StateTree? After { get; }

    /// <summary>
    /// The change that numbers the new state in the same batch, if its difference is from the state before. It is
    /// encoded already.
    /// </summary>
    public StateNumbered? Numbered { get; init; }

    /// <summary>The new state, made of the one before.</summary>
    public StateTree ApplyTo(StateTree parent) => After ?? Delta.Apply(parent);

    /// <summary>
    /// The ordinals of the events before and after of a type and state key, 0 for none; null if the event is the same.
    /// </summary>
    public (uint Before, uint After)? ChangeOf(string eventType, string stateKey)
    {
        if (_before is not null && After is not null)
        {
            var (before, after) = (Ordinal(_before), Ordinal(After));
            return before == after ? null : (before, after);
        }

        foreach (var change in Delta.Changes)
        {
            if (change.StateKey != stateKey || change.Type != eventType) continue;
            return change.BeforeOrdinal == change.AfterOrdinal ? null : (change.BeforeOrdinal, change.AfterOrdinal);
        }

        return null;

        uint Ordinal(StateTree state) => state.Find(eventType, stateKey)?.Ordinal ?? 0;
    }

    /// <summary>The stored form of the difference.</summary>
    internal ReadOnlyMemory<byte> DeltaBytes => Numbered?.DeltaBytes ?? Delta.ToBytes();

    /// <summary>The difference. On the node that has both states it is made when it is asked for.</summary>
    private StateStep Delta => _delta ??= StateStep.Between(_before!, After!);
}
