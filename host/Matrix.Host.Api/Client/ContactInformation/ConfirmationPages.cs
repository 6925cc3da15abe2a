using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users;
using Matrix.Host.Users.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds.Messages;

namespace Matrix.Host.Api.Client.ContactInformation;

/// <summary>
/// The page to which links in mails lead, and the `submit_url` for codes of text messages. Opening the page changes
/// nothing, since programs open links too: its button confirms.
/// </summary>
internal sealed class ConfirmationPages(Validations validations, ClientOptions options) : IEndpoints
{
    private const string AccountField = "account";
    private const string Root = "/_matrix/static/identifiers/";

    private sealed record Submitted(string SessionId, string ClientSecret, string Token);

    public void Map(ClientRoutes routes)
    {
        var pages = routes.Of(RouteOwner.Nobody).At(Root);
        var page = new RouteOptions { Access = Access.Anyone, Rate = RateClass.Login, IsPage = true };
        pages.Get("confirm", ShowAsync, page);
        pages.PostForm("confirm", static form => form, ConfirmAsync, page);
        pages.Post(
            "submit",
            static body => new Submitted(
                body.RequiredText("sid"), RequestTokens.ReadSecret(body), body.RequiredText("token")),
            SubmitAsync,
            new RouteOptions { Access = Access.Anyone, Rate = RateClass.Login });
    }

    /// <summary>The address for codes; null if the server's own is not configured.</summary>
    internal static string? SubmitUrl(ClientOptions options) =>
        options.PublicBaseUrl.Length == 0 ? null : $"{options.PublicBaseUrl.TrimEnd('/')}{Root}submit";

    /// <summary>v1.19 identity-service-api#post_matrixidentityv2validatemsisdnsubmittoken</summary>
    private async ValueTask<Answer> SubmitAsync(Call call, Submitted given, CancellationToken stop)
    {
        var confirmed = await validations.ConfirmAsync(given.SessionId, given.ClientSecret, given.Token, stop);
        return confirmed.IsOk
            ? Answer.Json(static json => json.WriteBoolean("success", true))
            : UserAnswers.Of(confirmed.Failure);
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var (text, language, session) = await TextOfAsync(call, stop);
        return session is null
            ? PageOf(text.Title, language, Alert(text.Failed), 404)
            : FormOf(text, language, session, alert: null);
    }

    private static Answer FormOf(ConfirmationText text, string language, ValidationSessionRow session, string? alert)
    {
        string[] targets = session.NextLink is { } link ? [new Uri(link).GetLeftPart(UriPartial.Authority)] : [];

        // Clients ask for links without a token, so that only the owner can say which account is theirs.
        var field = Validations.NeedsAccount(session)
            ? Html.Of($"""
                <label>{text.Account} <input name="{AccountField}" required autocomplete="username"
                autocapitalize="none" spellcheck="false"></label>
                """)
            : Html.Empty;
        return HtmlPage.Of(
            text.Title,
            Html.Of($"""
                <div lang="{language}">
                {(alert is null ? Html.Empty : Alert(alert))}
                <p>{text.Text}</p>
                <form method="post">{field}<button>{text.Button}</button></form>
                </div>
                """),
            status: alert is null ? 200 : 400,
            formTargets: targets);
    }

    private async ValueTask<Answer> ConfirmAsync(Call call, FormReader form, CancellationToken stop)
    {
        var (text, language, session) = await TextOfAsync(call, stop);
        string? account = null;
        if (session is not null && Validations.NeedsAccount(session))
        {
            account = AccountOf(form.Text(AccountField) ?? "");
            if (account is null) return FormOf(text, language, session, text.NoAccount);
        }

        var confirmed = session is null
            ? new UserFailure(UserFailureKind.SessionExpired, text.Failed)
            : await validations.ConfirmAsync(session.SessionId, null, call.Query.Text("token") ?? "", stop, account);
        if (!confirmed.IsOk) return PageOf(text.Title, language, Alert(text.Failed), 404);
        return confirmed.Value.NextLink is { } link
            ? Answer.Redirect(link)
            : PageOf(text.Title, language, Html.Of($"""<p role="status">{text.Done}</p>"""), 200);
    }

    /// <summary>The local user whose name was typed, existing or not; null if it is no such name.</summary>
    private string? AccountOf(string typed)
    {
        var name = typed.Trim().ToLowerInvariant();
        var userId = name.StartsWith('@') ? name : $"@{name}:{options.ServerName}";
        return UserId.IsValid(userId) && UserId.IsCompliant(userId)
            && UserId.Server(userId) == options.ServerName
            ? userId
            : null;
    }

    private static Html Alert(string text) => Html.Of($"""<p role="alert">{text}</p>""");

    private static Answer PageOf(string title, string language, Html body, int status) =>
        HtmlPage.Of(title, Html.Of($"""<div lang="{language}">{body}</div>"""), status: status);

    /// <summary>The page is in the language of the mail; without a session, in the browser's.</summary>
    private async ValueTask<(ConfirmationText Text, string Language, ValidationSessionRow? Session)> TextOfAsync(
        Call call, CancellationToken stop)
    {
        var session = await validations.FindAsync(call.Query.Text("sid") ?? "", stop);
        var language = session?.Language ?? Languages.Choose(call.Http.Request.Headers.AcceptLanguage);
        var purpose = session?.Purpose ?? ValidationPurpose.Addition;
        var account = session is null ? null : await validations.AccountAsync(session, stop);
        return (Languages.PageOf(language, purpose, options.ServerName, account), language, session);
    }
}
