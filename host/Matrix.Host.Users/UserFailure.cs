using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Users;

/// <summary>Why nothing was done for a user. Client-Server API, "Standard error response".</summary>
public enum UserFailureKind
{
    /// <summary>No such key or device, or none that this user may see.</summary>
    NotFound,

    /// <summary>It would contradict what the user has.</summary>
    Forbidden,

    /// <summary>What is given exceeds the configured bounds.</summary>
    TooLarge,

    /// <summary>A parameter does not make sense.</summary>
    InvalidParam,

    /// <summary>Something is missing that goes with what is given.</summary>
    MissingParam,

    /// <summary>A signature is missing or wrong.</summary>
    InvalidSignature,

    /// <summary>
    /// A device has as many of the sender's messages waiting as it may; when it has fetched some, more can be sent.
    /// </summary>
    InboxFull,

    /// <summary>Too much is under way at once; later it may work.</summary>
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

    /// <summary>The account has been deactivated.</summary>
    Deactivated,

    /// <summary>What the request relies on, such as the password that was given, has changed meanwhile.</summary>
    Outdated,
}

/// <summary>A failure of an operation, with a sentence for the one who asked.</summary>
/// <param name="Kind">Why.</param>
/// <param name="Message">In words; never a stack trace.</param>
public record UserFailure(UserFailureKind Kind, string Message);

/// <summary>A value, or the failure that stands in its place.</summary>
public readonly struct UserResult<T>
{
    private UserResult(T? value, UserFailure? failure)
    {
        Value = value;
        Failure = failure;
    }

    /// <summary>The value, if there is no failure.</summary>
    public T? Value { get; }

    /// <summary>Why there is no value; null if there is one.</summary>
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
