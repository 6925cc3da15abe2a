using System.Diagnostics.CodeAnalysis;
using Matrix.Core.Facade;

namespace Matrix.Host.Rooms;

/// <summary>The kind of a failed request to a room. v1.19 client-server-api#standard-error-response</summary>
public enum RoomFailureKind
{
    /// <summary>This server has no such room, or the user may not know of it.</summary>
    UnknownRoom,

    /// <summary>There is no such event, alias or state, or the user may not see it.</summary>
    NotFound,

    /// <summary>The room's rules or its history visibility forbid it.</summary>
    Forbidden,

    /// <summary>The invited user blocks invites.</summary>
    InviteBlocked,

    /// <summary>A policy list of the server refuses the user, their server or the room.</summary>
    PolicyList,

    /// <summary>The user's account is suspended, and they may not do this until it is no longer.</summary>
    Suspended,

    /// <summary>The room does not admit guests, or guests may not do this.</summary>
    GuestsForbidden,

    /// <summary>The user cannot reject the room of the server's notices.</summary>
    CannotLeaveServerNoticeRoom,

    /// <summary>The event is larger than events may be, or the request exceeds a configured limit.</summary>
    TooLarge,

    /// <summary>The user has as many rooms or aliases as one user may create.</summary>
    LimitReached,

    /// <summary>A value of the request has the wrong type or form.</summary>
    BadJson,

    /// <summary>
    /// No sender can send this event: it gives a creator a power level, or creates the room again.
    /// </summary>
    Malformed,

    /// <summary>A parameter has an invalid value.</summary>
    InvalidParam,

    /// <summary>A parameter that the others need is missing.</summary>
    MissingParam,

    /// <summary>A signature is missing or wrong.</summary>
    InvalidSignature,

    /// <summary>This server does not know the room version.</summary>
    UnsupportedRoomVersion,

    /// <summary>The rules forbid the initial state of the new room.</summary>
    InvalidRoomState,

    /// <summary>The alias is taken.</summary>
    AliasTaken,

    /// <summary>The alias does not exist or points to another room.</summary>
    BadAlias,

    /// <summary>
    /// The room's current state rules the request out, and the specification has no error code for it.
    /// </summary>
    BadState,

    /// <summary>The user's membership rules the change out.</summary>
    WrongMembership,

    /// <summary>The same user has annotated the event with the same key already.</summary>
    DuplicateAnnotation,

    /// <summary>Too many requests run at once. A retry may succeed.</summary>
    Busy,

    /// <summary>The other server does not support the room's version.</summary>
    IncompatibleRoomVersion,

    /// <summary>
    /// No local user is in the room, and users of other servers are: the room is joined through one of those.
    /// </summary>
    NotResident,

    /// <summary>No other server could be reached, or none gave a usable response.</summary>
    Unreachable,

    /// <summary>Another server refused, with the error of <see cref="RoomFailure.Refusal"/>.</summary>
    RefusedByServer,

    /// <summary>An application service was asked and did not answer.</summary>
    TimedOut,

    /// <summary>
    /// The server that was asked, this one or another, cannot check all conditions of a restricted room, and the user
    /// meets none that it can check.
    /// </summary>
    UnableToAuthoriseJoin,

    /// <summary>The server that was asked, this one or another, has no user who may authorise the join.</summary>
    UnableToGrantJoin,
}

/// <summary>A failure with a sentence for the client.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Message">The sentence; never a stack trace.</param>
public sealed record RoomFailure(RoomFailureKind Kind, string Message)
{
    /// <summary>The room's version, if the failure is about it.</summary>
    public string? RoomVersion { get; init; }

    /// <summary>The status and error code of another server that are passed on to the client.</summary>
    public (int Status, string Code)? Refusal { get; init; }

    /// <summary>Users who never were in a room get the same failure whether or not it exists.</summary>
    public static RoomFailure Unknown { get; } = new(
        RoomFailureKind.UnknownRoom, "You are not in this room, or this server does not know it.");

    /// <summary>The failure of an event that the core refused.</summary>
    internal static RoomFailure Of(Refusal refusal) => new(
        refusal.Kind switch
        {
            RefusalKind.Size => RoomFailureKind.TooLarge,
            RefusalKind.Form => RoomFailureKind.BadJson,
            _ =>
                refusal.Clause is "create.prev-events" or "power-levels.creators"
                    ? RoomFailureKind.Malformed
                    : RoomFailureKind.Forbidden,
        },
        refusal.Reason);
}

/// <summary>A value, or a failure.</summary>
public readonly struct RoomResult<T>
{
    private RoomResult(T? value, RoomFailure? failure)
    {
        Value = value;
        Failure = failure;
    }

    /// <summary>The value, if there is no failure.</summary>
    public T? Value { get; }

    /// <summary>The failure, if there is no value.</summary>
    public RoomFailure? Failure { get; }

    /// <summary>Whether there is a value.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsOk => Failure is null;

    /// <summary>A result with a value.</summary>
    public static implicit operator RoomResult<T>(T value) => new(value, null);

    /// <summary>A result with a failure.</summary>
    public static implicit operator RoomResult<T>(RoomFailure failure) => new(default, failure);
}
