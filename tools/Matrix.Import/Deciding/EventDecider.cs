using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.State;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Import.Deciding;

/// <summary>
/// Decides a stored event again by the rules of its room's version: by its auth events, and by a state. Server-Server
/// API, "Checks performed on receipt of a PDU".
/// </summary>
internal sealed class EventDecider(RoomRules rules, RoomEvents events)
{
    private static readonly Func<byte[], byte[], byte[], bool> _verify =
        static (key, message, signature) => Ed25519.Verify(key, message, signature);

    /// <summary>The types and state keys that a decision reads of a state.</summary>
    public IReadOnlyList<StateKey> KeysOf(Pdu pdu) =>
    [
        .. rules.AuthKeys(new Draft(pdu.Type, pdu.StateKey, pdu.Sender, pdu.Content, pdu.Redacts))
            .Append(new StateKey(EventTypes.Create, "")).Distinct(),
    ];

    /// <summary>The numbers of the events of these keys in a state.</summary>
    public static IEnumerable<uint> OrdinalsOf(StateTree tree, IReadOnlyList<StateKey> keys) =>
        keys.Select(key => tree.Find(key.Type, key.Key)).OfType<StateEntry>().Select(static entry => entry.Ordinal);

    /// <summary>Decides by a state; null if it is allowed.</summary>
    public Refusal? ByState(
        StoredEvent stored, IReadOnlyList<StoredEvent> authEvents, StateTree tree, IReadOnlyList<StateKey> keys) =>
        Decide(stored, authEvents, new AuthSnapshot(
            [.. OrdinalsOf(tree, keys).Select(events.Find).OfType<StoredEvent>().Select(static e => e.Auth)]));

    /// <summary>Decides by the state that the auth events make; null if it is allowed.</summary>
    /// <param name="stored">The event.</param>
    /// <param name="authEvents">Its auth events.</param>
    /// <param name="create">The create event, where it is implied by the room's id.</param>
    public Refusal? ByAuthEvents(
        StoredEvent stored, IReadOnlyList<StoredEvent> authEvents, StoredEvent? create)
    {
        var state = authEvents.Where(static auth => auth.Pdu.StateKey is not null).Select(static auth => auth.Auth);
        if (create is not null && stored.Pdu.Type != EventTypes.Create) state = state.Append(create.Auth);
        return Decide(stored, authEvents, new AuthSnapshot([.. state]));
    }

    private Refusal? Decide(StoredEvent stored, IReadOnlyList<StoredEvent> authEvents, AuthSnapshot state)
    {
        var json = JsonText.TryParseStored(stored.Row.Json.Span, out var parsed) ? parsed : JsonObject.Empty;
        var rejected = authEvents.Where(static auth => (auth.Row.Marks & EventMarks.Rejected) != 0)
            .Select(static auth => auth.EventId).ToHashSet();
        return rules.DecideAgain(
            stored.Pdu, json, [.. authEvents.Select(static auth => auth.Pdu)], rejected, state, _verify);
    }
}
