using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage;
using Matrix.Host.Users;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// The page on which a user allows a client to use the account. v1.19 client-server-api#authorisation-code-flow; RFC
/// 9700.
/// </summary>
internal sealed class Authorize(
    AuthorizationRequests requests,
    AuthorizationCodes codes,
    DeviceManagement devices,
    Browsers browsers,
    OAuthPaths paths,
    OAuthOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        if (!options.IsOn) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true };
        var pages = routes.Of(RouteOwner.InCookie).At(OAuthPaths.Root);
        pages.Get(OAuthPaths.AuthorizePage, ShowAsync, page);
        pages.PostForm(OAuthPaths.AuthorizePage, static form => form, DecideAsync, page);
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        var (request, refusal) = await ReadAsync(call, stop);
        if (request is null) return refusal!;
        var next = NextOf(call);
        if (request.CreatesAccount)
        {
            return browser.Session.Keep(Answer.Redirect(paths.PathOf(OAuthPaths.SignUpPage, next)));
        }

        return browser.User is null
            ? browsers.ToSignIn(browser, next)
            : await ConsentAsync(call, browser, request, "", 200, stop);
    }

    private async ValueTask<Answer> DecideAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        var (request, refusal) = await ReadAsync(call, stop);
        if (request is null) return refusal!;
        if (!browser.Session.Accepts(form)) return PageSessions.Foreign;
        if (browser.User is not { } user) return browsers.ToSignIn(browser, NextOf(call));
        if (form.Text("decision") != "allow")
        {
            return Respond(request.RedirectUri, request.InFragment, request.State, ErrorOf(
                new OAuthError(OAuthError.AccessDenied, "The user does not allow it.")));
        }

        var issued = await codes.IssueAsync(request, user, stop);
        if (issued.IsOk)
        {
            return Respond(request.RedirectUri, request.InFragment, request.State, [new("code", issued.Value)]);
        }

        return issued.Failure.Kind == UserFailureKind.Outdated
            ? browsers.ToSignIn(browser, NextOf(call))
            : await ConsentAsync(call, browser, request, issued.Failure.Message, 403, stop);
    }

    private async ValueTask<(AuthorizationRequest? Request, Answer? Refusal)> ReadAsync(
        Call call, CancellationToken stop)
    {
        if (call.Query.Problem is { } malformed) return (null, malformed);
        var given = new AuthorizationParameters(call.Query.Text, call.Query.Repeated);
        return await requests.ReadAsync(given, stop) switch
        {
            AuthorizationReading.Valid(var request) => (request, null),
            AuthorizationReading.ForClient error => (null, Refuse(error)),
            AuthorizationReading.ForUser(var message) => (null, ConsentPage.Refused(message)),
            _ => throw new InvalidOperationException("A reading has one of three forms."),
        };
    }

    /// <summary>
    /// Anyone can register a client, so that a link with a mistake would lead from this server to any other one: the
    /// user sees where it leads, and follows it or not. RFC 9700, "Authorization Server as Open Redirector".
    /// </summary>
    private Answer Refuse(AuthorizationReading.ForClient refused) => ConsentPage.Refused(
        $"The application's request has a mistake: {refused.Error.Description}",
        UrlOf(refused.RedirectUri, refused.InFragment, refused.State, ErrorOf(refused.Error)),
        RedirectUris.PlaceOf(refused.RedirectUri).Place);

    private async ValueTask<Answer> ConsentAsync(
        Call call, Browser browser, AuthorizationRequest request, string alert, int status, CancellationToken stop)
    {
        var before = await devices.FindAsync(
            new UserDevice(browser.User!.UserId, ""), call.Address, request.Scope.DeviceId, stop);
        var elsewhere = paths.PathOf(OAuthPaths.SignOutPage, NextOf(call));
        return browser.Session.Keep(ConsentPage.Of(browser, request, before, elsewhere, alert, status));
    }

    private Answer Respond(
        string redirectUri, bool inFragment, string? state, IEnumerable<KeyValuePair<string, string>> parameters) =>
        Answer.Redirect(UrlOf(redirectUri, inFragment, state, parameters));

    /// <summary>
    /// The response with the issuer, so that a client with several servers knows which one it is from (RFC 9207).
    /// </summary>
    private string UrlOf(
        string redirectUri, bool inFragment, string? state, IEnumerable<KeyValuePair<string, string>> parameters)
    {
        var all = parameters.Append(new("iss", paths.Issuer));
        if (state is not null) all = all.Prepend(new("state", state));
        return RedirectUris.With(redirectUri, inFragment, all);
    }

    private static KeyValuePair<string, string>[] ErrorOf(OAuthError error) =>
        [new("error", error.Code), new("error_description", error.Description)];

    /// <summary>This page, without the wish for an account, which is fulfilled by then.</summary>
    private string NextOf(Call call) => $"{paths.PathOf(OAuthPaths.AuthorizePage)}?" + string.Join(
        '&', call.QueryText.Split('&').Where(static p => !p.StartsWith("prompt=", StringComparison.Ordinal)));
}
