using Matrix.Host.Parts;

namespace Matrix.Host.Users.Rendezvous;

/// <summary>The places where two devices of a user meet for a sign-in by QR code.</summary>
public sealed record RendezvousOptions
{
    [Setting(
        "rendezvous.enabled",
        "Whether a new device can meet one that is signed in, for a sign-in by QR code. Behind a proxy it needs "
            + "public_base_url.")]
    public bool Enabled { get; init; } = true;

    [Setting(
        "rendezvous.open",
        "Whether devices without an account may make sessions of MSC4388. Those of MSC4108 are open to all.")]
    public bool Open { get; init; }

    [Setting(
        "rendezvous.sessions",
        "Sessions at once, ended ones included until they would expire; more are refused.",
        Least = 1, Most = 1_000_000)]
    public int MaxSessions { get; init; } = 1000;

    [Setting(
        "rendezvous.sessions_of_address",
        "The same that devices at one address made.",
        Least = 1, Most = 1_000_000)]
    public int MaxSessionsOfAddress { get; init; } = 50;

    [Setting("rendezvous.bytes", "Bytes of a payload.", Form = SettingForm.Bytes, Least = 1 << 10, Most = 64 << 10)]
    public int MaxBytes { get; init; } = 4096;

    [Setting("rendezvous.lifetime", "How long a session lasts. The proposals want two to five minutes.")]
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(5);

    [Setting("rendezvous.writes", "Payloads that are sent to one session.", Least = 10, Most = 10_000)]
    public int MaxWrites { get; init; } = 100;
}
