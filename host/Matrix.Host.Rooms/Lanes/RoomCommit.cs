using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Views;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// What a set changes in a room: the tag of every write set of a lane, for those who watch commits. All of it is true once the set is durable.
/// </summary>
/// <param name="View">The room after the set.</param>
/// <param name="Events">New events of the timeline, in its order.</param>
/// <param name="Memberships">Memberships that changed, in order.</param>
/// <param name="StateChanged">Whether the current state changed.</param>
/// <param name="Redacted">Events that were redacted, in their new form.</param>
public sealed record RoomCommit(
    RoomView View,
    IReadOnlyList<StoredEvent> Events,
    IReadOnlyList<MembershipChange> Memberships,
    bool StateChanged,
    IReadOnlyList<StoredEvent> Redacted);

/// <summary>A member's event took the place of another.</summary>
/// <param name="UserId">Whose.</param>
/// <param name="Before">What they were; null if the room's state did not mention them.</param>
/// <param name="After">What they are.</param>
/// <param name="Event">The event that says so.</param>
/// <param name="IsLocal">Whether they are a user of this server.</param>
public sealed record MembershipChange(string UserId, Membership? Before, Membership After, EventNid Event, bool IsLocal);
