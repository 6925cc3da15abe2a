using Matrix.Host.Parts;

namespace Matrix.Host.Users.Voip;

/// <summary>The TURN servers that users may use.</summary>
public sealed record TurnOptions
{
    [Setting(
        "turn.uris",
        "The servers' addresses, such as turn:turn.example.org?transport=udp. None turns this off.",
        Form = SettingForm.TurnUris)]
    public IReadOnlyList<string> Uris { get; init; } = [];

    [Setting(
        "turn.shared_secret",
        "The secret of these servers: coturn's static-auth-secret, with use-auth-secret. Users get names and "
            + "passwords that are valid for a time.",
        IsSecret = true)]
    public string SharedSecret { get; init; } = "";

    [Setting("turn.username", "For servers without such a secret: the name of a user that they know.")]
    public string UserName { get; init; } = "";

    [Setting("turn.password", "That user's password.", IsSecret = true)]
    public string Password { get; init; } = "";

    [Setting("turn.lifetime", "How long credentials are valid.")]
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(24);

    [Setting("turn.guests", "Whether guests get credentials.")]
    public bool Guests { get; init; }
}
