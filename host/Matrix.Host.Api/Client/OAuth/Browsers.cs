using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>A browser on one of the pages.</summary>
/// <param name="Session">Its session.</param>
/// <param name="User">The user who is signed in; null for nobody.</param>
internal sealed record Browser(PageSession Session, BrowserSignIn? User);

/// <summary>Signs browsers in and out of this server's pages.</summary>
internal sealed class Browsers(PageSessions sessions, BrowserSignIns signIns, OAuthPaths paths)
{
    /// <summary>The browser of a request.</summary>
    internal async ValueTask<Browser> OfAsync(Call call, CancellationToken stop)
    {
        var session = sessions.Of(call);
        return new Browser(
            session,
            session.NewCookie is null ? await signIns.FindAsync(session.Id, stop) : null);
    }

    /// <summary>
    /// Signs a browser in, with a new session, so that nobody who knew the old one is signed in too, and goes on.
    /// </summary>
    /// <param name="call">The request.</param>
    /// <param name="user">The user, who proved who they are.</param>
    /// <param name="next">Where the browser goes on.</param>
    /// <param name="origin">The provider that proved it; null for none.</param>
    internal Answer SignIn(Call call, UserRow user, string next, SsoOrigin? origin = null)
    {
        signIns.End(sessions.Of(call).Id);
        var fresh = sessions.Begin();
        signIns.Begin(fresh.Id, user, origin);
        return fresh.Keep(Answer.Redirect(next));
    }

    /// <summary>Signs a browser out, and goes on to the sign-in page.</summary>
    internal Answer SignOut(Call call, string next)
    {
        signIns.End(sessions.Of(call).Id);
        return sessions.Begin().Keep(Answer.Redirect(paths.PathOf(OAuthPaths.SignInPage, next)));
    }

    /// <summary>Leads a browser to the sign-in page, and then on.</summary>
    internal Answer ToSignIn(Browser browser, string next) =>
        browser.Session.Keep(Answer.Redirect(paths.PathOf(OAuthPaths.SignInPage, next)));
}
