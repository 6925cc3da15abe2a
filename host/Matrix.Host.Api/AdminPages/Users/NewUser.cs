using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.AdminPages.Users;

/// <summary>The page on which administrators create accounts.</summary>
internal sealed class NewUser(AdminFrame frame, UserAdministration users, ClientOptions options) : IEndpoints
{
    internal const string Page = "user-new";

    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, Page, (visit, stop) => ValueTask.FromResult(ViewOf(visit, "", "", "")));
        frame.Action(routes, "user-create", CreateAsync);
    }

    private static AdminView ViewOf(AdminVisit visit, string name, string shown, string alert) =>
        new(Sections.Users, "New account", Html.Of($"""
            <form method="post" action="user-create" class="panel narrow">
            {visit.Session.FormField}
            <label>User name
            <input name="name" required autocomplete="off" autocapitalize="none" spellcheck="false"
            value="{name}"></label>
            <label>Display name (empty for none)
            <input name="shown" autocomplete="off" value="{shown}"></label>
            <label>Password (empty for none)
            <input name="new_password" type="password" autocomplete="off"></label>
            <button class="main">Create the account</button>
            </form>
            """))
        {
            Above = ("Users", Sections.Users),
            Alert = alert,
            Status = alert.Length == 0 ? 200 : 400,
        };

    private async ValueTask<AdminActionResult> CreateAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var name = (form.Text("name") ?? "").Trim();
        var shown = (form.Text("shown") ?? "").Trim();
        var password = form.Text("new_password") is { Length: > 0 } given ? given : null;
        var userId = name.StartsWith('@') ? name : $"@{name}:{options.ServerName}";
        var problem = password is null ? null : PasswordLogin.JudgeOfAdministrator(password);
        if ((await users.FindAsync(userId, stop)).IsOk) problem ??= "There is such a user.";
        if (problem is null)
        {
            var wish = new AccountWish { Password = password, DisplayName = shown.Length == 0 ? null : shown };
            problem = (await users.PutAsync(visit.Actor, userId, wish, stop)).Failure?.Message;
        }

        return problem is null
            ? AdminActionResult.Done(UserLinks.To(userId), "The account is created.")
            : new AdminActionResult.Shows(ViewOf(visit, name, shown, problem));
    }
}
