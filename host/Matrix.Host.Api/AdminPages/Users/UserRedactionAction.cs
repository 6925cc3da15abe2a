using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.AdminPages.Users;

/// <summary>Redacts all messages of a user, as a job.</summary>
internal sealed class UserRedactionAction(JobStarts starts, UserAdministration users) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        return !(await users.FindAsync(userId, stop)).IsOk
            ? null
            : new Confirmation(
                Sections.Users,
                $"Redact the messages of {userId}?",
                Html.Of($"""
                    <p>Each message of the user, in all rooms, is redacted in the user's name, the newest first.
                    <strong>This cannot be undone.</strong></p>
                    <label>Reason, which members see <input name="reason" autocomplete="off"></label>
                    """),
                "Redact the messages",
                UserLinks.To(userId));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var reason = (form.Text("reason") ?? "").Trim();
        var wish = new RedactionWish([], reason.Length == 0 ? null : reason, null, AsAdmin: false);
        var begun = await starts.RedactAsync(visit.Actor, userId, wish, stop);
        return JobLink.ResultOf(begun, UserLinks.To(userId));
    }
}
