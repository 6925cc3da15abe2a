namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>The known stages. v1.19 client-server-api#authentication-types</summary>
internal static class AuthStage
{
    internal const string Dummy = "m.login.dummy";
    internal const string Password = "m.login.password";
    internal const string RegistrationToken = "m.login.registration_token";
    internal const string Email = "m.login.email.identity";
    internal const string Phone = "m.login.msisdn";
    internal const string Terms = "m.login.terms";
    internal const string Recaptcha = "m.login.recaptcha";
    internal const string Sso = "m.login.sso";
    internal const string OAuth = "m.oauth";

    /// <summary>The name of <see cref="OAuth"/> before it was in the specification (MSC4312).</summary>
    internal const string CrossSigningReset = "org.matrix.cross_signing_reset";
}

/// <summary>A way to authenticate: stages to complete in this order.</summary>
internal sealed record AuthFlow(params string[] Stages)
{
    /// <summary>The flow with the password of the calling user.</summary>
    internal static IReadOnlyList<AuthFlow> Password { get; } = [new(AuthStage.Password)];

    /// <summary>The flows by a page of this server, for sessions of the OAuth 2.0 API.</summary>
    internal static IReadOnlyList<AuthFlow> OAuth { get; } =
        [new(AuthStage.OAuth), new(AuthStage.CrossSigningReset)];
}

/// <summary>The authentication that an endpoint demands.</summary>
/// <param name="UserId">The user who must authenticate; null if there is none yet.</param>
/// <param name="IsBoundToBody">Whether all requests of a session must have the same body. False for registration: no
/// account is at risk, and clients request the flows before they know the user name.</param>
internal sealed record AuthDemand(IReadOnlyList<AuthFlow> Flows, string? UserId, bool IsBoundToBody = true)
{
    /// <summary>Whether an account is created, so that an address must not be anybody's.</summary>
    internal bool IsRegistration => !IsBoundToBody;

    /// <summary>Whether sessions of the OAuth 2.0 API can give it.</summary>
    internal bool IsForOAuth => Flows == AuthFlow.OAuth;
}
