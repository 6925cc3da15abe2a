using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Memberships;

/// <summary>What a user is in a room has changed, by the current state.</summary>
/// <param name="Room">The room.</param>
/// <param name="UserId">The user.</param>
/// <param name="Before">What they were; null if the state did not mention them.</param>
/// <param name="After">What they are; null if the state no longer mentions them.</param>
/// <param name="Event">The event that says so.</param>
/// <param name="IsLocal">Whether they are a user of this server.</param>
public sealed record MembershipChanged(
    RoomNid Room, string UserId, Membership? Before, Membership? After, EventNid Event, bool IsLocal) : WriteOperation;

/// <summary>A user forgets a room. Not applied unless they have left it or are banned.</summary>
public sealed record ForgetRoom(RoomNid Room, string UserId) : ConditionalOperation;
