using System.Collections.Frozen;
using Matrix.Host.Network.FederationClient;

namespace Matrix.Host.Rooms.Joining;

/// <summary>Failures of requests to resident servers, as the failures of a local user's request.</summary>
internal static class RemoteFailures
{
    /// <summary>The longest error code that is passed on.</summary>
    private const int MostCode = 255;

    /// <summary>The codes of a client's own token, account and rate.</summary>
    private static readonly FrozenSet<string> _ofAccounts = FrozenSet.Create(
        StringComparer.Ordinal,
        "M_UNKNOWN_TOKEN",
        "M_MISSING_TOKEN",
        "M_UNAUTHORIZED",
        "M_USER_LOCKED",
        "M_USER_SUSPENDED",
        "M_USER_DEACTIVATED",
        "M_CONSENT_NOT_GIVEN",
        "M_TERMS_NOT_SIGNED",
        "M_SESSION_EXPIRED",
        "M_USER_LIMIT_EXCEEDED",
        "M_RESOURCE_LIMIT_EXCEEDED",
        "M_LIMIT_EXCEEDED",
        "ORG_MATRIX_EXPIRED_ACCOUNT",
        "ORG.MATRIX.MSC3823.USER_ACCOUNT_SUSPENDED");

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

    /// <summary>
    /// The failure of a request for a join or knock: what the other server says of the request reaches the client.
    /// v1.19 server-server-api#get_matrixfederationv1make_joinroomiduserid,
    /// v1.19 server-server-api#get_matrixfederationv1make_knockroomiduserid, status 400.
    /// </summary>
    internal static RoomFailure PassedOn(string server, FederationFailure failure)
    {
        var known = Of(server, failure);
        return known.Kind == RoomFailureKind.Unreachable
            && failure is { Kind: FederationFailureKind.Refused, Status: 400 or 403 or 404, IsUnrecognized: false }
                ? new RoomFailure(RoomFailureKind.RefusedByServer, known.Message)
                {
                    Refusal = (failure.Status, IsOfRequest(failure.ErrorCode) ? failure.ErrorCode : "M_UNKNOWN"),
                }
                : known;
    }

    /// <summary>
    /// Whether an error code can only be about the request. Clients take some codes for news of their own account or
    /// session, and log out: another server does not speak of these.
    /// </summary>
    private static bool IsOfRequest(string code) =>
        code.Length is > 0 and <= MostCode
        && code.All(static each => char.IsAsciiLetterOrDigit(each) || each is '_' or '.' or '-')
        && !_ofAccounts.Contains(code);

    /// <summary>The failure of a server whose response cannot be used.</summary>
    internal static RoomFailure Unusable(string server, string reason) =>
        new(RoomFailureKind.Unreachable, $"{server}: {reason}");

    /// <summary>The failure of a server whose template is not one of a membership event.</summary>
    internal static RoomFailure InvalidTemplate(string server, RoomFailure fault) =>
        Unusable(server, $"the template is not valid: {fault.Message}");

    /// <summary>Whether another server would answer the same.</summary>
    internal static bool IsFinal(RoomFailure failure) =>
        failure.Kind is RoomFailureKind.Forbidden or RoomFailureKind.IncompatibleRoomVersion;

    /// <summary>Whether another server answered, and knows the room.</summary>
    internal static bool IsAnswer(RoomFailure failure) => Rank(failure) == 2;

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
