using Matrix.Host.Api.Client.AddressPages;
using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>
/// The page on which users choose a new password, once they have confirmed an address of their account. It says nothing
/// about accounts before that. v1.19 client-server-api#password-management
/// </summary>
internal sealed class ForgottenPassword(
    AddressDialog dialog,
    AccountIdentifiers identifiers,
    AccountLocks locks,
    PasswordLogin passwords,
    PasswordChanges changes,
    PageSessions browsers,
    OAuthPaths paths,
    ClientOptions client) : IEndpoints
{
    private const string ByField = "by";

    public void Map(ClientRoutes routes)
    {
        if (!dialog.Media.Any()) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true };
        var pages = routes.Of(RouteOwner.Nobody).At(OAuthPaths.ForgottenPage);
        pages.Get("", ShowAsync, page);
        pages.PostForm("", static form => form, PostAsync, page with { Rate = RateClass.Login });
    }

    private ValueTask<Answer> ShowAsync(Call call, CancellationToken stop) =>
        ValueTask.FromResult(PageOf(call, browsers.Of(call), AddressDialog.Ask(MediumOf(call))));

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = browsers.Of(call);
        if (!browser.Accepts(form)) return PageSessions.Foreign;
        var visit = new AddressVisit(call, browser, form.Text, ValidationPurpose.Password, MediumOf(call));
        var step = await dialog.TakeAsync(visit, stop);
        if (step.Proved is not { } session) return PageOf(call, browser, step);
        var asks = new AddressStep("Choose a new password", Html.Of($"""
            {step.Fields}
            {NewAccountFields.Password("New password", "new_password", passwords)}
            <p><label><input type="checkbox" name="log_out" value="yes" checked> Sign all devices out</label></p>
            """), Html.Of($"<button>Change the password</button>"));
        if (form.Text("new_password") is not { } password) return PageOf(call, browser, asks);
        var problem = form.Text("new_password_again") != password ? "The two new passwords differ."
            : passwords.Judge(password);
        if (problem is not null) return PageOf(call, browser, asks.Because(problem, 400));
        var logsOut = form.Text("log_out") == "yes";
        return await ChangeAsync(call, session, password, logsOut, stop) is { } refusal
            ? PageOf(call, browser, asks.Because(refusal, 403))
            : Done(call);
    }

    /// <summary>Changes the password of the user who has the confirmed address; a sentence if it is refused.</summary>
    private async ValueTask<string?> ChangeAsync(
        Call call, ValidationSessionRow session, string password, bool logsOut, CancellationToken stop)
    {
        const string gone = "The address is not of the account any more.";
        if (ThirdPartyId.Read(session.Medium, session.Address) is not { } id
            || await identifiers.OwnerAsync(id, stop) is not { } userId)
        {
            return gone;
        }

        if (await locks.OfUserAsync(userId, stop) is { } locked) return locked.Message;
        var condition = new OwnerValidated(session.SessionId, userId);
        var failure = await changes.ChangeAsync(
            userId, password, logsOut, except: null, call.Attempt().Requester, condition, stop);
        return failure is null ? null : failure.Kind == Users.UserFailureKind.Outdated ? gone : failure.Message;
    }

    private Answer Done(Call call) => HtmlPage.Of(
        "The password is changed",
        Html.Of($"""
            <p role="status">Sign in with the new one.</p>
            <p><a class="button" href="{NextOf(call)}">Go on</a></p>
            """));

    private Answer PageOf(Call call, PageSession browser, AddressStep step) => browser.Keep(HtmlPage.Of(
        step.Title,
        Html.Of($"""
            <p>A new password for your account on {client.ServerName}.</p>
            <p role="alert">{step.Alert}</p>
            <form method="post">
            {browser.FormField}
            {step.Fields}
            {step.Buttons}
            </form>
            {OthersOf(call)}
            <p><a href="{NextOf(call)}">I know the password</a></p>
            """),
        status: step.Status));

    private Html OthersOf(Call call) => Html.Join(dialog.Media.Where(medium => medium != MediumOf(call)).Select(
        medium => Html.Of($"""
            <p><a href="{paths.ForgottenPathOf(NextOf(call))}&{ByField}={medium}">
            {(medium == Medium.Phone ? "By phone number" : "By mail address")}</a></p>
            """)));

    private string MediumOf(Call call) =>
        dialog.Media.FirstOrDefault(medium => medium == call.Query.Text(ByField)) ?? dialog.Media.First();

    private string NextOf(Call call) => paths.NextOf(call.Query.Text("continue"));
}
