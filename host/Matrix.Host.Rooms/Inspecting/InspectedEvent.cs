using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.StagedEvents;

namespace Matrix.Host.Rooms.Inspecting;

/// <summary>A stored event with everything that its verdict rests on.</summary>
/// <param name="Event">The event.</param>
/// <param name="RoomVersion">The room's version.</param>
/// <param name="Refusal">The rule that it failed, as recorded; null if it was accepted.</param>
/// <param name="Create">The room's create event; null if it is not stored.</param>
/// <param name="AuthEvents">Those of its auth events that are stored.</param>
/// <param name="StateBefore">The state before it, as far as authorization reads it; null if it is an outlier.</param>
/// <param name="CurrentState">The room's current state when it came, as far as authorization reads it; null unless it
/// was soft-failed.</param>
public sealed record InspectedEvent(
    StoredEvent Event,
    string RoomVersion,
    EventRefused? Refusal,
    StoredEvent? Create,
    IReadOnlyList<StoredEvent> AuthEvents,
    IReadOnlyList<StoredEvent>? StateBefore,
    IReadOnlyList<StoredEvent>? CurrentState);

/// <summary>A received event that waits for others.</summary>
/// <param name="RoomId">The room.</param>
/// <param name="Row">The event, and who sent it.</param>
public sealed record UndecidedEvent(string RoomId, StagedEventRow Row);

/// <summary>A received event that was given up: what it waited for did not come.</summary>
/// <param name="RoomId">The room.</param>
/// <param name="Row">When and why.</param>
public sealed record ForsakenEvent(string RoomId, GivenUpEventRow Row);

/// <summary>The newest events of a room's graph.</summary>
/// <param name="RoomId">The room.</param>
/// <param name="Events">The events, the newest first; rejected and soft-failed ones too.</param>
/// <param name="Extremities">The ids of the forward extremities.</param>
/// <param name="Gaps">Ids of previous events that are missing.</param>
public sealed record InspectedGraph(
    string RoomId,
    IReadOnlyList<StoredEvent> Events,
    IReadOnlyCollection<string> Extremities,
    IReadOnlyCollection<string> Gaps);
