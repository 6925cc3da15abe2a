using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Api.Client.SingleSignOn;

/// <summary>
/// A user confirms a request by signing in again. The form comes before the provider, so that nobody confirms what they
/// did not read. v1.19 client-server-api#sso-during-user-interactive-authentication
/// </summary>
internal sealed class SsoStage(SsoAccounts accounts, SsoStarts starts, SsoOptions options) : IAuthStage
{
    public string Type => AuthStage.Sso;

    public bool IsConfigured => options.Providers.Count > 0;

    public Func<string, CancellationToken, ValueTask<bool>> Proves => async (userId, stop) =>
        (await accounts.ProvidersOfAsync(userId, options, stop)).Count > 0;

    public async ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop)
    {
        if (attempt.Browser is null || attempt.Demand.UserId is not { } userId)
        {
            return StageResult.Wrong("Confirm it in a browser first.");
        }

        var wanted = attempt.Given.TextOrNull("provider");
        var providers = await accounts.ProvidersOfAsync(userId, options, stop);
        if (providers.FirstOrDefault(provider => provider.Id == wanted) is not { } provider)
        {
            return StageResult.Wrong("Choose where you sign in.");
        }

        return StageResult.Refused(await starts.BeginAsync(
            attempt.Browser, provider, new SsoPurpose.Confirm(attempt.Session.Id, userId), stop));
    }

    public StagePageMaker? PageOf(AuthSession session) =>
        session.Demand.UserId is { } userId ? (_, stop) => PageAsync(session, userId, stop) : null;

    private async ValueTask<StagePage> PageAsync(AuthSession session, string userId, CancellationToken stop)
    {
        var providers = await accounts.ProvidersOfAsync(userId, options, stop);
        var targets = new List<string>();
        foreach (var provider in providers)
        {
            targets.AddRange(await starts.TargetsAsync(provider, stop));
        }

        return new StagePage("Confirm that it is you", Html.Of($"""
            {OperationText.Of(session)}
            <p>To confirm it, sign in again.</p>
            """))
        {
            Buttons = Html.Join(providers.Select(static provider => Html.Of(
                $"""<button name="provider" value="{provider.Id}">Sign in with {provider.Name}</button>"""))),
            Targets = targets,
        };
    }
}
