using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.InteractiveAuth.Stages;
using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Api.Client.SingleSignOn;

/// <summary>
/// Where browsers come back from a provider.
/// v1.19 client-server-api#handling-the-callback-from-the-authentication-server
/// </summary>
internal sealed class SsoCallback(
    ProviderClient client,
    SsoStarts starts,
    SsoAttempts attempts,
    SsoAccounts accounts,
    SsoOptions options,
    TermsStage terms,
    UserInteractiveAuth interactive,
    PageSessions sessions,
    Browsers browsers,
    OAuthPaths paths) : IEndpoints
{
    private static readonly Answer _unknown = SsoPages.Failed(
        "This sign-in took too long, is done already, or began in another browser.", 400);

    public void Map(ClientRoutes routes)
    {
        if (options.Providers.Count == 0) return;
        routes.Of(RouteOwner.MintedInQuery("state")).At(OAuthPaths.Root).Get(
            options.SharesCallback ? OAuthPaths.SsoCallback : $"{OAuthPaths.SsoCallback}/{{idpId}}",
            ComeBackAsync,
            new RouteOptions { Access = Access.Anyone, IsPage = true, Rate = RateClass.Login });
    }

    private async ValueTask<Answer> ComeBackAsync(Call call, CancellationToken stop)
    {
        if (call.Query.Problem is not null || call.Query.Repeated is not null) return _unknown;
        var browser = sessions.Of(call);
        if (browser.NewCookie is not null
            || attempts.End(call.Query.Text("state") ?? "", browser.Id) is not { } attempt)
        {
            return _unknown;
        }

        if (!options.SharesCallback && call["idpId"] != attempt.Provider.Id)
        {
            return starts.Failed(
                attempt.Provider, new ProviderException("the browser came back from another provider"));
        }

        if (call.Query.Text("error") is not null || call.Query.Text("code") is not { Length: > 0 } code)
        {
            return SsoPages.Failed($"You did not sign in at {attempt.Provider.Name}.", 403);
        }

        try
        {
            var redirectUri = starts.RedirectUriOf(attempt.Provider);
            var identity = await client
                .IdentifyAsync(attempt, code, call.Query.Text("iss"), redirectUri, stop);
            return attempt.Purpose switch
            {
                SsoPurpose.Confirm confirm => await ConfirmAsync(identity, confirm, stop),
                SsoPurpose.SignIn(var next) =>
                    await SignInAsync(call, browser, identity, next, stop),
                _ => throw new InvalidOperationException("A sign-in has one of two purposes."),
            };
        }
        catch (ProviderException fault)
        {
            return starts.Failed(attempt.Provider, fault);
        }
    }

    /// <summary>Completes the stage of a request, if the same user signed in.</summary>
    private async ValueTask<Answer> ConfirmAsync(
        ProviderIdentity identity, SsoPurpose.Confirm confirm, CancellationToken stop)
    {
        if (await accounts.FindUserIdAsync(identity, stop) != confirm.UserId)
        {
            return SsoPages.Failed($"This is not the sign-in of {confirm.UserId}. Nothing was confirmed.", 403);
        }

        var proof = new StageProof { UserId = confirm.UserId };
        return interactive.Complete(confirm.AuthSession, AuthStage.Sso, proof)
            ? Fallback.Done
            : SsoPages.Failed("The request that you confirmed is not waiting any more.", 404);
    }

    private async ValueTask<Answer> SignInAsync(
        Call call, PageSession browser, ProviderIdentity identity, string next, CancellationToken stop)
    {
        switch (await accounts.FindAsync(identity, stop))
        {
            case SsoAccount.Known(var user):
                return browsers.SignIn(call, user, next, identity.Origin);
            case SsoAccount.Newcomer(var name, Problem: null) when !terms.IsConfigured:
                var created = await accounts.CreateAsync(identity, name, [], stop);
                return created.IsOk
                    ? browsers.SignIn(call, created.Value, next, identity.Origin)
                    : ToName(browser, identity, next);
            case SsoAccount.Newcomer:
                return ToName(browser, identity, next);
            case SsoAccount.None(var why):
                return SsoPages.Failed(why, 403);
            default:
                throw new InvalidOperationException("An account has one of three forms.");
        }
    }

    /// <summary>The person chooses a name, or accepts the policies.</summary>
    private Answer ToName(PageSession browser, ProviderIdentity identity, string next)
    {
        attempts.Wait(browser.Id, new SsoNewcomer(identity, next));
        return Answer.Redirect(paths.PathOf(OAuthPaths.SsoNamePage));
    }
}
