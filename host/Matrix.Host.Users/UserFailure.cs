using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Users;

/// <summary>The kind of a failed request of a user. v1.19 client-server-api#standard-error-response</summary>
public enum UserFailureKind
{
    /// <summary>There is no such object, or the user may not see it.</summary>
    NotFound,

    /// <summary>The user may not do this.</summary>
    Forbidden,

    /// <summary>The request exceeds a configured limit.</summary>
    TooLarge,

    /// <summary>A parameter has an invalid value.</summary>
    InvalidParam,

    /// <summary>A parameter that the others need is missing.</summary>
    MissingParam,

    /// <summary>A signature is missing or wrong.</summary>
    InvalidSignature,

    /// <summary>
    /// A device has too many of the sender's messages waiting. More can be sent after it has fetched some.
    /// </summary>
    InboxFull,

    /// <summary>Too many requests run at once. A retry may succeed.</summary>
    Busy,

    /// <summary>A value of the request has the wrong type or form.</summary>
    BadJson,

    /// <summary>The account has as many of these as it may have.</summary>
    LimitReached,

    /// <summary>Clients cannot set this type of account data.</summary>
    NotSettable,

    /// <summary>The name of a profile field is too long.</summary>
    NameTooLarge,

    /// <summary>A profile field, or the whole profile, is too large.</summary>
    ProfileTooLarge,

    /// <summary>The backup is not the user's latest: see <see cref="KeyBackup.WrongBackupVersion"/>.</summary>
    WrongBackupVersion,

    /// <summary>The user id is taken.</summary>
    UserInUse,

    /// <summary>The registration token has been used up.</summary>
    RegistrationTokenUsedUp,

    /// <summary>An application service was asked and did not answer.</summary>
    TimedOut,

    /// <summary>Another server could not be reached, or gave no usable response.</summary>
    Unreachable,

    /// <summary>The account has been deactivated.</summary>
    Deactivated,

    /// <summary>The account is locked.</summary>
    Locked,

    /// <summary>Data that the request relies on, such as the password, has changed since it was checked.</summary>
    Outdated,

    /// <summary>Another account has the third-party identifier.</summary>
    IdentifierInUse,

    /// <summary>No account has the third-party identifier.</summary>
    IdentifierNotFound,

    /// <summary>The server does not allow the third-party identifier.</summary>
    IdentifierDenied,

    /// <summary>Nothing proves that the user has the third-party identifier.</summary>
    IdentifierAuthFailed,

    /// <summary>The server cannot confirm third-party identifiers of this medium.</summary>
    MediumNotSupported,

    /// <summary>The token is not the one that was sent to the address.</summary>
    TokenIncorrect,

    /// <summary>The session of validation has ended.</summary>
    SessionExpired,
}

/// <summary>A failure with a sentence for the client.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Message">The sentence; never a stack trace.</param>
public record UserFailure(UserFailureKind Kind, string Message);

/// <summary>A value, or a failure.</summary>
public readonly struct UserResult<T>
{
    private UserResult(T? value, UserFailure? failure)
    {
        Value = value;
        Failure = failure;
    }

    /// <summary>A result with a value, for types that no conversion takes.</summary>
    public UserResult(T value)
        : this(value, null)
    {
    }

    /// <summary>The value, if there is no failure.</summary>
    public T? Value { get; }

    /// <summary>The failure, if there is no value.</summary>
    public UserFailure? Failure { get; }

    /// <summary>Whether there is a value.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsOk => Failure is null;

    /// <summary>A result with a value.</summary>
    public static implicit operator UserResult<T>(T value) => new(value, null);

    /// <summary>A result with a failure.</summary>
    public static implicit operator UserResult<T>(UserFailure failure) => new(default, failure);
}
