using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Media;

/// <summary>The kind of a failed request for media. v1.19 client-server-api#content-repository</summary>
public enum MediaFailureKind
{
    /// <summary>There is no such media, or it is not served.</summary>
    NotFound,

    /// <summary>The URI belongs to another user, or the configuration forbids it.</summary>
    Forbidden,

    /// <summary>The user has as much media as an account may have.</summary>
    LimitReached,

    /// <summary>The user has too many URIs without content, or uploads too much at once.</summary>
    TooMany,

    /// <summary>The content exceeds the limit of an upload.</summary>
    TooLarge,

    /// <summary>The URI has content.</summary>
    AlreadyUploaded,

    /// <summary>The content has not been uploaded.</summary>
    NotYetUploaded,

    /// <summary>The content of another server exceeds the limit.</summary>
    RemoteTooLarge,

    /// <summary>There are no thumbnails of the content.</summary>
    NoThumbnail,

    /// <summary>The image is too large for a thumbnail.</summary>
    ImageTooLarge,

    /// <summary>This server failed.</summary>
    Fault,

    /// <summary>Another server does not answer, or not as specified.</summary>
    Unreachable,
}

/// <summary>A failure with a sentence for the client.</summary>
public sealed record MediaFailure(MediaFailureKind Kind, string Message);

/// <summary>A value, or a failure.</summary>
public readonly struct MediaResult<T>
{
    private MediaResult(T? value, MediaFailure? failure)
    {
        Value = value;
        Failure = failure;
    }

    /// <summary>The value, if there is no failure.</summary>
    public T? Value { get; }

    /// <summary>The failure, if there is no value.</summary>
    public MediaFailure? Failure { get; }

    /// <summary>Whether there is a value.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsOk => Failure is null;

    /// <summary>A result with a value.</summary>
    public static implicit operator MediaResult<T>(T value) => new(value, null);

    /// <summary>A result with a failure.</summary>
    public static implicit operator MediaResult<T>(MediaFailure failure) => new(default, failure);
}
