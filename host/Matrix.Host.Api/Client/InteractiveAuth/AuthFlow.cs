namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>The stages that we know. Client-Server API, "Authentication types".</summary>
internal static class AuthStage
{
    internal const string Dummy = "m.login.dummy";
    internal const string Password = "m.login.password";
    internal const string RegistrationToken = "m.login.registration_token";
}

/// <summary>One way to authenticate: stages to be completed in this order.</summary>
internal sealed record AuthFlow(params string[] Stages)
{
    /// <summary>The password of the user who calls.</summary>
    internal static IReadOnlyList<AuthFlow> Password { get; } = [new(AuthStage.Password)];
}

/// <summary>What is to be authenticated.</summary>
/// <param name="Flows">The ways to do so.</param>
/// <param name="UserId">Who must prove to be themselves; null where there is no user yet.</param>
/// <param name="IsBoundToBody">
/// Whether every request of a session must ask for the same. False where nothing is at stake, such as registration, and where clients ask for
/// the flows before they know what they want.
/// </param>
internal sealed record AuthDemand(IReadOnlyList<AuthFlow> Flows, string? UserId, bool IsBoundToBody = true);
