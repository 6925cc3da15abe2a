using System.Diagnostics.CodeAnalysis;
using Matrix.Core.Facade;

namespace Matrix.Host.Rooms;

/// <summary>Why a room, or what goes with rooms, did not do what was asked. Client-Server API, "Standard error response".</summary>
public enum RoomFailureKind
{
    /// <summary>No such room here.</summary>
    UnknownRoom,

    /// <summary>No such event, alias or state, or none that this user may see.</summary>
    NotFound,

    /// <summary>The rules of the room, or its visibility, do not allow it.</summary>
    Forbidden,

    /// <summary>The invited user blocks invites.</summary>
    InviteBlocked,

    /// <summary>The event is larger than events may be, or what is asked exceeds the configured bounds.</summary>
    TooLarge,

    /// <summary>A value of the request has the wrong type or form.</summary>
    BadJson,

    /// <summary>
    /// No event of this kind can be in the room, whoever sends it: it names a creator's power, or creates the room
    /// again.
    /// </summary>
    Malformed,

    /// <summary>A parameter does not make sense.</summary>
    InvalidParam,

    /// <summary>Something is missing that goes with what is given.</summary>
    MissingParam,

    /// <summary>A signature is missing or wrong.</summary>
    InvalidSignature,

    /// <summary>This server does not know the room version.</summary>
    UnsupportedRoomVersion,

    /// <summary>The state that the request would start a room with is not allowed by the rules.</summary>
    InvalidRoomState,

    /// <summary>The alias is taken.</summary>
    AliasTaken,

    /// <summary>The alias does not exist or leads elsewhere.</summary>
    BadAlias,

    /// <summary>The request makes no sense in the state that the room is in, and the specification has no code of its own for it.</summary>
    BadState,

    /// <summary>The user's membership is none that the change could be made from.</summary>
    WrongMembership,

    /// <summary>The same user has annotated the event with the same key already.</summary>
    DuplicateAnnotation,

    /// <summary>Too much is under way at once; later it may work.</summary>
    Busy,
}

/// <summary>A failure of an operation, with a sentence for the one who asked.</summary>
/// <param name="Kind">Why.</param>
/// <param name="Message">In words; never a stack trace.</param>
public sealed record RoomFailure(RoomFailureKind Kind, string Message)
{
    /// <summary>What the core refuses.</summary>
    internal static RoomFailure Of(Refusal refusal) => new(
        refusal.Kind switch
        {
            RefusalKind.Size => RoomFailureKind.TooLarge,
            RefusalKind.Form => RoomFailureKind.BadJson,
            _ => refusal.Clause is "create.prev-events" or "power-levels.creators" ? RoomFailureKind.Malformed : RoomFailureKind.Forbidden,
        },
        refusal.Reason);
}


/// <summary>A value, or the failure that stands in its place.</summary>
public readonly struct RoomResult<T>
{
    private RoomResult(T? value, RoomFailure? failure)
    {
        Value = value;
        Failure = failure;
    }

    /// <summary>The value, if there is no failure.</summary>
    public T? Value { get; }

    /// <summary>Why there is no value; null if there is one.</summary>
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
