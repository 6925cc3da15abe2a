using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Memberships;

/// <summary>A user's membership in a room changes; a room once forgotten no longer is.</summary>
public sealed record SetMembership(RoomNid Room, string UserId, Membership Membership, EventNid Event, bool IsLocal) : WriteOperation;

/// <summary>State no longer mentions the user (after a resolution).</summary>
public sealed record RemoveMembership(RoomNid Room, string UserId) : WriteOperation;

/// <summary>A user forgets a room. Not applied unless they have left it or are banned.</summary>
public sealed record ForgetRoom(RoomNid Room, string UserId) : ConditionalOperation;
