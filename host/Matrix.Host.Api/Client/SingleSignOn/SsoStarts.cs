using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.SingleSignOn;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Client.SingleSignOn;

/// <summary>
/// Leads browsers to identity providers. v1.19 client-server-api#redirecting-to-the-authentication-server
/// </summary>
internal sealed partial class SsoStarts(
    ProviderClient client,
    ProviderDocuments documents,
    SsoAttempts attempts,
    SsoOptions options,
    PageSessions sessions,
    OAuthPaths paths,
    ILogger<SsoStarts> log)
{
    /// <summary>
    /// The address at which browsers come back from a provider, which the operator gives to it. Of several providers
    /// each has its own, so that nothing that one of them gave out is taken for another's. RFC 9700, "Mix-Up Defense
    /// via Distinct Redirect URIs".
    /// </summary>
    internal string RedirectUriOf(SsoProvider provider) => paths.UrlOf(
        options.SharesCallback
            ? OAuthPaths.SsoCallback
            : $"{OAuthPaths.SsoCallback}/{Uri.EscapeDataString(provider.Id)}");

    /// <summary>The response that leads a browser to a provider, or says why it cannot.</summary>
    /// <param name="call">The request.</param>
    /// <param name="provider">The provider.</param>
    /// <param name="purpose">What the sign-in is for.</param>
    internal ValueTask<Answer> BeginAsync(
        Call call, SsoProvider provider, SsoPurpose purpose, CancellationToken stop) =>
        BeginAsync(sessions.Of(call), provider, purpose, stop);

    /// <summary>The same, for a browser whose session is known.</summary>
    internal async ValueTask<Answer> BeginAsync(
        PageSession browser, SsoProvider provider, SsoPurpose purpose, CancellationToken stop)
    {
        var (state, attempt) = attempts.Begin(provider, browser.Id, purpose);
        try
        {
            var url = await client.AuthorizationUrlAsync(attempt, state, RedirectUriOf(provider), stop);
            return browser.Keep(Answer.Redirect(url, status: 302));
        }
        catch (ProviderException fault)
        {
            return Failed(provider, fault);
        }
    }

    /// <summary>
    /// The origin of a provider's sign-in page, to which a form of this server leads; none if the provider does not
    /// answer.
    /// </summary>
    internal async ValueTask<IReadOnlyList<string>> TargetsAsync(SsoProvider provider, CancellationToken stop)
    {
        try
        {
            return [await documents.OriginAsync(provider, stop)];
        }
        catch (ProviderException fault)
        {
            ProviderFailed(provider.Id, fault.Message);
            return [];
        }
    }

    /// <summary>The page for a provider that did not answer as it should. The reason is in the log.</summary>
    internal Answer Failed(SsoProvider provider, ProviderException fault)
    {
        ProviderFailed(provider.Id, fault.Message);
        return SsoPages.Failed($"{provider.Name} did not confirm who you are. Try again later.", 502);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Sign-in at the provider {Provider} failed: {Reason}")]
    private partial void ProviderFailed(string provider, string reason);
}

/// <summary>The pages of single sign-on that only say something.</summary>
internal static class SsoPages
{
    /// <summary>The page of a provider that the configuration does not have.</summary>
    internal static Answer Unknown { get; } = Failed("This server does not have this way to sign in.", 404);

    /// <summary>Why a sign-in does not go on.</summary>
    internal static Answer Failed(string sentence, int status) => HtmlPage.Of(
        "You are not signed in",
        Html.Of($"""
            <p role="alert">{sentence}</p>
            <p>Go back to your application and start again.</p>
            """),
        status: status);
}
