using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;

namespace Matrix.Host.Api.Client;

/// <summary>The standard error of each room failure. v1.19 client-server-api#standard-error-response</summary>
internal static class RoomAnswers
{
    // A busy room completes its waiting requests in far less.
    private static readonly TimeSpan _busyFor = TimeSpan.FromSeconds(1);

    /// <summary>The response to a failure.</summary>
    internal static Answer Of(RoomFailure failure)
    {
        if (failure.Kind == RoomFailureKind.Busy) return Answer.LimitExceeded(_busyFor, failure.Message);
        if (failure is { Kind: RoomFailureKind.IncompatibleRoomVersion, RoomVersion: { } version })
        {
            return Answer.Error(
                400,
                MatrixError.IncompatibleRoomVersion,
                failure.Message,
                json => json.WriteString("room_version", version));
        }

        var (status, code) = failure.Refusal ?? StandardOf(failure.Kind);
        return Answer.Error(status, code, failure.Message);
    }

    /// <summary>The same, with the page about limits where one is reached.</summary>
    internal static Answer Of(RoomFailure failure, ClientOptions options) =>
        failure.Kind == RoomFailureKind.LimitReached
            ? AccountLimits.Reached(options, failure.Message)
            : Of(failure);

    /// <summary>The error code of a failure inside a larger response.</summary>
    internal static string CodeOf(RoomFailureKind kind) => StandardOf(kind).Code;

    /// <summary>The response with an event id, or the failure.</summary>
    internal static Answer EventId(RoomResult<string> result) => One("event_id", result);

    /// <summary>The response with a room id, or the failure.</summary>
    internal static Answer RoomId(RoomResult<string> result) => One("room_id", result);

    /// <summary>The empty response, or the failure.</summary>
    internal static Answer Empty(RoomFailure? failure) => failure is null ? Answer.Empty : Of(failure);

    private static Answer One(string name, RoomResult<string> result) =>
        result.IsOk
            ? Answer.Json((name, result.Value), static (json, it) => json.WriteString(it.name, it.Value))
            : Of(result.Failure);

    private static (int Status, string Code) StandardOf(RoomFailureKind kind) => kind switch
    {
        // Non-members get the same error whether or not the room exists.
        RoomFailureKind.UnknownRoom => (403, MatrixError.Forbidden),
        RoomFailureKind.NotFound => (404, MatrixError.NotFound),
        RoomFailureKind.Forbidden => (403, MatrixError.Forbidden),
        RoomFailureKind.Suspended => (403, MatrixError.UserSuspended),
        RoomFailureKind.GuestsForbidden => (403, MatrixError.GuestAccessForbidden),
        RoomFailureKind.WrongMembership => (403, MatrixError.BadState),
        RoomFailureKind.InviteBlocked => (403, MatrixError.InviteBlocked),
        RoomFailureKind.PolicyList => (403, MatrixError.Forbidden),
        RoomFailureKind.CannotLeaveServerNoticeRoom => (403, MatrixError.CannotLeaveServerNoticeRoom),
        RoomFailureKind.LimitReached => (403, MatrixError.Forbidden),
        RoomFailureKind.TooLarge => (413, MatrixError.TooLarge),
        RoomFailureKind.BadJson => (400, MatrixError.BadJson),
        RoomFailureKind.Malformed => (400, MatrixError.BadJson),
        RoomFailureKind.InvalidParam => (400, MatrixError.InvalidParam),
        RoomFailureKind.MissingParam => (400, MatrixError.MissingParam),
        RoomFailureKind.InvalidSignature => (400, MatrixError.InvalidSignature),
        RoomFailureKind.UnsupportedRoomVersion => (400, MatrixError.UnsupportedRoomVersion),
        RoomFailureKind.InvalidRoomState => (400, MatrixError.InvalidRoomState),
        RoomFailureKind.AliasTaken => (400, MatrixError.RoomInUse),
        RoomFailureKind.BadAlias => (400, MatrixError.BadAlias),
        RoomFailureKind.DuplicateAnnotation => (400, MatrixError.DuplicateAnnotation),
        RoomFailureKind.Busy => (429, MatrixError.LimitExceeded),
        RoomFailureKind.IncompatibleRoomVersion => (400, MatrixError.IncompatibleRoomVersion),
        RoomFailureKind.NotResident => (404, MatrixError.NotFound),
        RoomFailureKind.TimedOut => (408, MatrixError.Unknown),
        RoomFailureKind.Unreachable => (502, MatrixError.Unknown),
        RoomFailureKind.UnableToAuthoriseJoin => (400, MatrixError.UnableToAuthoriseJoin),
        RoomFailureKind.UnableToGrantJoin => (400, MatrixError.UnableToGrantJoin),
        _ => (400, MatrixError.Unknown),
    };
}
