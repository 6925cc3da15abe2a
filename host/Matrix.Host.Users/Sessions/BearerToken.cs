namespace Matrix.Host.Users.Sessions;

/// <summary>An access token as a client shows it, valid or not, with its hash.</summary>
/// <param name="text">The token.</param>
public sealed class BearerToken(string text)
{
    /// <summary>The token.</summary>
    public string Text => text;

    /// <summary>Its hash; null for text that is longer than any token.</summary>
    internal TokenHash? Hash { get; } = TokenHash.TryOf(text, out var hash) ? hash : null;

    /// <summary>Leaves out the token.</summary>
    public override string ToString() => nameof(BearerToken);
}
