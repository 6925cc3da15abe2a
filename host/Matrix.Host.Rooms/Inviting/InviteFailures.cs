namespace Matrix.Host.Rooms.Inviting;

/// <summary>Why invites of other servers are refused.</summary>
internal static class InviteFailures
{
    internal static RoomFailure NotHere { get; } = new(
        RoomFailureKind.NotFound, "This server has no user in that room.");

    internal static RoomFailure Invalid(string message) => new(RoomFailureKind.InvalidParam, message);

    internal static RoomFailure Refused(string message) => new(RoomFailureKind.Forbidden, message);
}
