using Matrix.Host.Api.Admin.Moderation;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Notices;

/// <summary>Sends a notice of the server to a user.</summary>
internal sealed class NoticePage(AdminFrame frame, NoticeSending notices, ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        frame.Page(
            routes,
            Sections.Notices,
            (visit, stop) => ValueTask.FromResult(PageOf(visit, visit.Query("id"), "", "")));
        frame.Action(routes, "notice-send", SendAsync);
    }

    private static AdminView PageOf(AdminVisit visit, string userId, string text, string alert) =>
        new(Sections.Notices, "Server notices", Html.Of($"""
            <p>The user gets the notice in a room with this server, which they cannot leave. It is not encrypted.</p>
            <form method="post" action="notice-send" class="panel narrow">
            {visit.Session.FormField}
            <label>User id
            <input name="user" required autocapitalize="none" spellcheck="false" value="{userId}"></label>
            <label>Text <textarea name="text" required>{text}</textarea></label>
            <button class="main">Send</button>
            </form>
            """))
        {
            Alert = alert,
            Status = alert.Length == 0 ? 200 : 400,
        };

    private async ValueTask<AdminActionResult> SendAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var name = (form.Text("user") ?? "").Trim();
        var userId = name.StartsWith('@') ? name : $"@{name}:{options.ServerName}";
        var text = form.Text("text") ?? "";
        var sent = await notices.SendAsync(visit.Actor, userId, text, isActive: false, stop);
        return sent.IsOk
            ? AdminActionResult.Done(Sections.Notices, $"The notice is sent to {userId}.")
            : new AdminActionResult.Shows(PageOf(visit, name, text, sent.Failure.Message));
    }
}
