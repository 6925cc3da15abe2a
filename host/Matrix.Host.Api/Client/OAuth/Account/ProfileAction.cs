using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Profiles;

namespace Matrix.Host.Api.Client.OAuth.Account;

/// <summary>The user's display name.</summary>
internal sealed class ProfileAction(UserProfiles profiles, ProfileUpdates updates) : IAccountAction
{
    private const string Field = "displayname";

    public string Name => AccountActions.Profile;

    public async ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop)
    {
        var userId = visit.User.UserId;
        var found = await profiles.FieldAsync(ProfileViewer.OfUser(userId), userId, Field, stop);
        return ViewOf(visit, found.IsOk ? JsonText(found.Value) : "");
    }

    public async ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop)
    {
        var name = (form.Text("name") ?? "").Trim();
        if (visit.User.IsSuspended)
        {
            return ViewOf(visit, name).Because("You cannot do this while your account is suspended.", 403);
        }

        var failure = await updates.SetAsync(visit.User.UserId, Field, Json.Of(name), stop);
        var view = ViewOf(visit, name);
        return failure is null
            ? view with { Done = "Your display name is changed." }
            : view.Because(failure.Message, 400);
    }

    private static AccountView ViewOf(AccountVisit visit, string name) => new("Your account", Html.Of($"""
        <form method="post" action="{visit.Links.To(AccountActions.Profile)}">
        {visit.Browser.Session.FormField}
        <label>Display name <input name="name" autocomplete="name" value="{name}"></label>
        <button>Save</button>
        </form>
        """));

    private static string JsonText(ReadOnlyMemory<byte> value)
    {
        using var json = System.Text.Json.JsonDocument.Parse(value);
        return json.RootElement.ValueKind == System.Text.Json.JsonValueKind.String
            ? json.RootElement.GetString() ?? ""
            : "";
    }
}
