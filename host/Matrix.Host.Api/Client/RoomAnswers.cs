using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;

namespace Matrix.Host.Api.Client;

/// <summary>The standard error of each failure of a room. Client-Server API, "Standard error response".</summary>
internal static class RoomAnswers
{
    // A busy room is through with what waits for it in far less.
    private static readonly TimeSpan _busyFor = TimeSpan.FromSeconds(1);

    /// <summary>The failure as an answer.</summary>
    internal static Answer Of(RoomFailure failure)
    {
        if (failure.Kind == RoomFailureKind.Busy) return Answer.LimitExceeded(_busyFor, failure.Message);
        var (status, code) = StandardOf(failure.Kind);
        return Answer.Error(status, code, failure.Message);
    }

    /// <summary>The error code of a failure that is told inside an answer.</summary>
    internal static string CodeOf(RoomFailureKind kind) => StandardOf(kind).Code;

    /// <summary>An event id, or the failure.</summary>
    internal static Answer EventId(RoomResult<string> result) => One("event_id", result);

    /// <summary>A room id, or the failure.</summary>
    internal static Answer RoomId(RoomResult<string> result) => One("room_id", result);

    /// <summary>An empty object, or the failure.</summary>
    internal static Answer Empty(RoomFailure? failure) => failure is null ? Answer.Empty : Of(failure);

    private static Answer One(string name, RoomResult<string> result) =>
        result.IsOk ? Answer.Json((name, result.Value), static (json, it) => json.WriteString(it.name, it.Value)) : Of(result.Failure);

    private static (int Status, string Code) StandardOf(RoomFailureKind kind) => kind switch
    {
        // Whether a room exists is nobody's business who is not in it: as if it were closed to them.
        RoomFailureKind.UnknownRoom => (403, MatrixError.Forbidden),
        RoomFailureKind.NotFound => (404, MatrixError.NotFound),
        RoomFailureKind.Forbidden => (403, MatrixError.Forbidden),
        RoomFailureKind.WrongMembership => (403, MatrixError.BadState),
        RoomFailureKind.InviteBlocked => (403, MatrixError.InviteBlocked),
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
        _ => (400, MatrixError.Unknown),
    };
}
