using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Network.IdentityServers;

/// <summary>Why an identity server did not do what it was asked for.</summary>
/// <param name="Status">The HTTP status; 0 if there is no response.</param>
/// <param name="ErrorCode">The Matrix error code; null if there is none.</param>
/// <param name="Message">A sentence for the user.</param>
public sealed record IdentityFailure(int Status, string? ErrorCode, string Message)
{
    /// <summary>Whether this server does not talk to that identity server.</summary>
    public bool IsUntrusted { get; init; }
}

/// <summary>A value of an identity server, or the failure.</summary>
public readonly struct IdentityResult<T>
{
    private IdentityResult(T? value, IdentityFailure? failure) => (Value, Failure) = (value, failure);

    /// <summary>The value, if there is no failure.</summary>
    public T? Value { get; }

    /// <summary>The failure, if there is no value.</summary>
    public IdentityFailure? Failure { get; }

    /// <summary>Whether there is no failure.</summary>
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsOk => Failure is null;

    /// <summary>A result with a value.</summary>
    public static implicit operator IdentityResult<T>(T value) => new(value, null);

    /// <summary>A result with a failure.</summary>
    public static implicit operator IdentityResult<T>(IdentityFailure failure) => new(default, failure);
}
