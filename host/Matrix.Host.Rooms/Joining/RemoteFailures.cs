using Matrix.Host.Network.FederationClient;

namespace Matrix.Host.Rooms.Joining;

/// <summary>Failures of requests to resident servers, as the failures of a local user's request.</summary>
internal static class RemoteFailures
{
    /// <summary>The failure of a request; the error of the other server is passed on.</summary>
    internal static RoomFailure Of(string server, FederationFailure failure)
    {
        var kind = failure.ErrorCode switch
        {
            "M_FORBIDDEN" => RoomFailureKind.Forbidden,
            "M_NOT_FOUND" => RoomFailureKind.NotFound,
            "M_INCOMPATIBLE_ROOM_VERSION" => RoomFailureKind.IncompatibleRoomVersion,
            "M_UNABLE_TO_AUTHORISE_JOIN" => RoomFailureKind.UnableToAuthoriseJoin,
            "M_UNABLE_TO_GRANT_JOIN" => RoomFailureKind.UnableToGrantJoin,
            _ => RoomFailureKind.Unreachable,
        };
        return new RoomFailure(kind, $"{server}: {failure.Message}") { RoomVersion = failure.RoomVersion };
    }

    /// <summary>The failure of a server whose response cannot be used.</summary>
    internal static RoomFailure Unusable(string server, string reason) =>
        new(RoomFailureKind.Unreachable, $"{server}: {reason}");

    /// <summary>The failure of a server whose template is not one of a membership event.</summary>
    internal static RoomFailure InvalidTemplate(string server, RoomFailure fault) =>
        Unusable(server, $"the template is not valid: {fault.Message}");

    /// <summary>Whether another server would answer the same.</summary>
    internal static bool IsFinal(RoomFailure failure) =>
        failure.Kind is RoomFailureKind.Forbidden or RoomFailureKind.IncompatibleRoomVersion;

    /// <summary>The failure that tells the client more: a server's answer rather than its absence.</summary>
    internal static RoomFailure MoreTelling(RoomFailure? one, RoomFailure other) =>
        one is null || Rank(other) > Rank(one) ? other : one;

    private static int Rank(RoomFailure failure) => failure.Kind switch
    {
        RoomFailureKind.Unreachable => 0,
        RoomFailureKind.NotFound => 1,
        _ => 2,
    };
}
