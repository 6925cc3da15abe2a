using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Rooms.Keys;

/// <summary>Why keys were not taken. Client-Server API, "Key management API" and "Cross-signing".</summary>
public enum KeyFailureKind
{
    /// <summary>A key does not have the form, or does not stand for whom, it should.</summary>
    InvalidParam,

    /// <summary>A signing key is given, and there is no master key to go with it.</summary>
    MissingParam,

    /// <summary>A signature is missing or wrong.</summary>
    InvalidSignature,

    /// <summary>A signing key has the name of a device, or the other way round.</summary>
    KeyIdInUse,

    /// <summary>There is no such key.</summary>
    NotFound,

    /// <summary>More than the configured bounds allow.</summary>
    TooLarge,

    /// <summary>Other requests change the same keys, again and again.</summary>
    Busy,
}

/// <summary>A failure, with a sentence for the one who asked.</summary>
/// <param name="Kind">Why.</param>
/// <param name="Message">In words.</param>
public sealed record KeyFailure(KeyFailureKind Kind, string Message);

/// <summary>A value, or the failure that stands in its place.</summary>
public readonly struct KeyResult<T>
{
    private KeyResult(T? value, KeyFailure? failure)
    {
        Value = value;
        Failure = failure;
    }

    /// <summary>The value, if there is no failure.</summary>
    public T? Value { get; }

    /// <summary>Why there is no value; null if there is one.</summary>
    public KeyFailure? Failure { get; }

    /// <summary>Whether there is a value.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsOk => Failure is null;

    /// <summary>A result with a value.</summary>
    public static implicit operator KeyResult<T>(T value) => new(value, null);

    /// <summary>A result with a failure.</summary>
    public static implicit operator KeyResult<T>(KeyFailure failure) => new(default, failure);
}
