using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Network;
using Matrix.Host.Storage;
using Matrix.Host.Users;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// The page on which a user types the code that a device shows, and allows it to sign in. A link that has the code
/// fills it in, and decides nothing. v1.19 client-server-api#device-authorisation-flow; RFC 8628.
/// </summary>
internal sealed class LinkPage(
    DeviceAuthorizations authorizations,
    DeviceManagement devices,
    Browsers browsers,
    RateLimiter limiter,
    OAuthPaths paths,
    OAuthOptions options) : IEndpoints
{
    private const int LongestCode = 32;

    public void Map(ClientRoutes routes)
    {
        if (!options.IsOn) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true };
        var pages = routes.Of(RouteOwner.InCookie).At(OAuthPaths.Root);
        pages.Get(OAuthPaths.LinkPage, ShowAsync, page);
        pages.PostForm(OAuthPaths.LinkPage, static form => form, PostAsync, page);
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        var code = Shortened(call.Query.Text("user_code"));
        return browser.User is null ? browsers.ToSignIn(browser, NextOf(code)) : Ask(browser, code, "", 200);
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        var code = Shortened(form.Text("user_code"));
        if (!browser.Session.Accepts(form)) return PageSessions.Foreign;
        if (browser.User is not { } user) return browsers.ToSignIn(browser, NextOf(code));
        if (IsGuessing(call, user.UserId))
        {
            return Ask(browser, code, "Too many codes were tried. Wait a moment and try again.", 429);
        }

        if (await authorizations.FindAsync(code, stop) is not { } request)
        {
            return Ask(browser, code, "The code is wrong or no longer valid. Look at the device again.", 404);
        }

        if (form.Text("decision") is not { } decision)
        {
            return await ConfirmAsync(call, browser, code, request, "", 200, stop);
        }

        var allows = decision == "allow";
        var failure = await authorizations.DecideAsync(code, request, user, allows, stop);
        return failure?.Kind switch
        {
            null => browser.Session.Keep(Done(allows)),
            UserFailureKind.Outdated => browsers.ToSignIn(browser, NextOf(code)),
            UserFailureKind.NotFound => Ask(browser, "", failure.Message, 404),
            _ => await ConfirmAsync(call, browser, code, request, failure.Message, 403, stop),
        };
    }

    /// <summary>Counts a code, by its user, the browser's address, and overall.</summary>
    private bool IsGuessing(Call call, string userId) =>
        limiter.Take(RateClass.UserCodes, userId) > TimeSpan.Zero
        || limiter.Take(RateClass.UserCodes, AddressBlock.Of(call.Address)) > TimeSpan.Zero
        || limiter.Take(RateClass.AllUserCodes, "") > TimeSpan.Zero;

    private static Answer Ask(Browser browser, string code, string alert, int status) => browser.Session.Keep(
        HtmlPage.Of(
            "Sign in a device",
            Html.Of($"""
                <p>You are signed in as <strong>{browser.User!.UserId}</strong>.</p>
                <p role="alert">{alert}</p>
                <form method="post">
                {browser.Session.FormField}
                <label>The code that the device shows <input name="user_code" required autocomplete="off"
                autocapitalize="characters" spellcheck="false" value="{code}"></label>
                <button>Continue</button>
                </form>
                """),
            status: status));

    private async ValueTask<Answer> ConfirmAsync(
        Call call,
        Browser browser,
        string code,
        DeviceRequest request,
        string alert,
        int status,
        CancellationToken stop)
    {
        var before = await devices.FindAsync(
            new UserDevice(browser.User!.UserId, ""), call.Address, request.DeviceId, stop);
        return browser.Session.Keep(HtmlPage.Of(
            $"Sign in a device with {request.Client.ShownName}?",
            Html.Of($"""
                <p role="alert">{alert}</p>
                <p>You are signed in as <strong>{browser.User.UserId}</strong>.</p>
                <p>Go on only if you see the code <strong>{code.ToUpperInvariant()}</strong> on your own device, and
                started this yourself. If somebody sent you the code, they would get your account.</p>
                {ConsentPage.Facts(request.Client, request.DeviceId, before)}
                {ConsentPage.Permissions}
                <form method="post">
                {browser.Session.FormField}
                <input type="hidden" name="user_code" value="{code}">
                <button name="decision" value="allow">Sign the device in</button>
                <button name="decision" value="deny" class="second">Cancel</button>
                </form>
                """),
            status: status));
    }

    private static Answer Done(bool allowed) => allowed
        ? HtmlPage.Of(
            "The device is signed in",
            Html.Of($"<p role=\"status\">Go back to the device. It goes on within a few seconds.</p>"))
        : HtmlPage.Of("The device is not signed in", Html.Of($"<p role=\"status\">You can close this page.</p>"));

    private string NextOf(string code) => code.Length == 0
        ? paths.PathOf(OAuthPaths.LinkPage)
        : $"{paths.PathOf(OAuthPaths.LinkPage)}?user_code={Uri.EscapeDataString(code)}";

    private static string Shortened(string? code) =>
        code is null ? "" : code.Length <= LongestCode ? code : code[..LongestCode];
}
