namespace Matrix.Host.Users.Sessions;

/// <summary>The identity provider's session that a sign-in comes from.</summary>
/// <param name="Issuer">The provider's issuer.</param>
/// <param name="Session">The provider's id of its session; empty if it has none.</param>
public sealed record SsoOrigin(string Issuer, string Session);
