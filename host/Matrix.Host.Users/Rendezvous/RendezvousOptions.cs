namespace Matrix.Host.Users.Rendezvous;

/// <summary>The places where two devices of a user meet for a sign-in by QR code.</summary>
public sealed record RendezvousOptions
{
    /// <summary>Whether there are any.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>
    /// Whether devices without an account may make one of MSC4388. Those of MSC4108 are open to every device.
    /// </summary>
    public bool Open { get; init; }

    /// <summary>The most sessions at once.</summary>
    public int MaxSessions { get; init; } = 1000;

    /// <summary>The most sessions at once that one address made.</summary>
    public int MaxSessionsOfAddress { get; init; } = 50;

    /// <summary>The most bytes of a payload.</summary>
    public int MaxBytes { get; init; } = 4096;

    /// <summary>How long a session lasts.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The most payloads that are sent to one session.</summary>
    public int MaxWrites { get; init; } = 100;
}
