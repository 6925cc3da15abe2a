namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of TURN servers.</summary>
    private static ConfigKey[] TurnKeys() =>
    [
        TurnUris,
        TurnSecret,
        TurnUserName,
        Key("turn.password", ConfigTypes.Text, c => c.Users.Turn.Password, "That user's password."),
        Key("turn.lifetime", ConfigTypes.Duration, c => c.Users.Turn.Lifetime, "How long credentials are valid."),
        Key("turn.guests", ConfigTypes.Flag, c => c.Users.Turn.Guests, "Whether guests get credentials."),
    ];
}
