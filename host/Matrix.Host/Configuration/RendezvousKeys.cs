namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of the sign-in by QR code.</summary>
    private static ConfigKey[] RendezvousKeys() =>
    [
        Key(
            "rendezvous.enabled", ConfigTypes.Flag, c => c.Users.Rendezvous.Enabled,
            "Whether a new device can meet one that is signed in, for a sign-in by QR code. Behind a proxy it needs "
                + "public_base_url."),
        Key(
            "rendezvous.open", ConfigTypes.Flag, c => c.Users.Rendezvous.Open,
            "Whether devices without an account may make sessions of MSC4388. Those of MSC4108 are open to all."),
        Key(
            "rendezvous.sessions", ConfigTypes.Whole(1, 1_000_000), c => c.Users.Rendezvous.MaxSessions,
            "Sessions at once, ended ones included until they would expire; more are refused."),
        Key(
            "rendezvous.sessions_of_address", ConfigTypes.Whole(1, 1_000_000),
            c => c.Users.Rendezvous.MaxSessionsOfAddress,
            "The same that devices at one address made."),
        Key(
            "rendezvous.bytes", ConfigTypes.FewBytes(1 << 10, 64 << 10), c => c.Users.Rendezvous.MaxBytes,
            "Bytes of a payload."),
        Key(
            "rendezvous.lifetime", ConfigTypes.Duration, c => c.Users.Rendezvous.Lifetime,
            "How long a session lasts. The proposals want two to five minutes."),
        Key(
            "rendezvous.writes", ConfigTypes.Whole(10, 10_000), c => c.Users.Rendezvous.MaxWrites,
            "Payloads that are sent to one session."),
    ];
}
