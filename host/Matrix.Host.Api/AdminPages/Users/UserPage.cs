using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.AdminPages.Users;

/// <summary>A user's account, and what can be done to it.</summary>
internal sealed class UserPage(
    AdminFrame frame,
    UserAdministration users,
    AccountIdentifiers identifiers,
    IAccountPolicy policy,
    IAccountsTable accountsTable, IProfilesTable profilesTable) : IEndpoints
{
    public void Map(ClientRoutes routes) => frame.Page(routes, UserLinks.Page, ShowAsync);

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        if (await users.FindAsync(userId, stop) is not { IsOk: true, Value: var user })
        {
            return UserLinks.NoUser;
        }

        var refusal = await policy.RefusalAsync(userId, stop);
        var profile = await profilesTable.FindAsync(userId, stop);
        var devices = await accountsTable.DevicesAsync(userId, stop);
        var addresses = await identifiers.OfAsync(userId, stop);
        return UserLinks.ViewOf(userId, UserLinks.Page, MarksOf(user, refusal), Html.Of($"""
            {Format.Fields(
                Format.Field("Display name", Field("displayname")),
                Format.Field("Avatar", Field("avatar_url")),
                Format.Field("Registered", Format.Time(user.CreatedAt)),
                Format.Field("Last seen", Format.Time(devices.Max(static device => device.LastSeenAt))),
                Format.Field("Devices", Format.Count(devices.Count)),
                Format.Field("Password", user.PasswordHash is null ? "none" : "set"),
                Format.Field(
                    "Mail addresses and phone numbers",
                    string.Join(", ", addresses.Select(static each => each.Address))),
                user.DeactivatedAt is { } ended ? Format.Field("Deactivated", Format.Time(ended)) : Html.Empty,
                refusal is null ? Html.Empty : Format.Field("Refused by a policy list", refusal))}
            {(user.DeactivatedAt is null ? ActionsOf(visit, user) : Html.Empty)}
            """));

        string? Field(string name) =>
            profile.TryGetValue(name, out var value) ? Format.JsonText(value) : null;
    }

    private static Html MarksOf(UserRow user, string? refusal) => Html.Of($"""
        {Format.BadgeIf(user.IsAdmin, "info", "administrator")}
        {Format.BadgeIf(user.Kind == UserKind.Guest, "", "guest")}
        {Format.BadgeIf(user.Kind == UserKind.AppService, "", "application service")}
        {Format.BadgeIf(user.IsLocked || refusal is not null, "warn", "locked")}
        {Format.BadgeIf(user.IsSuspended, "warn", "suspended")}
        {Format.BadgeIf(user.DeactivatedAt is not null, "bad", user.Erased ? "erased" : "deactivated")}
        """);

    private static Html ActionsOf(AdminVisit visit, UserRow user)
    {
        var isSelf = user.UserId == visit.User.UserId;
        var moderation = user.IsAdmin
            ? Html.Of($"""<p class="note">Administrators cannot be locked or suspended.</p>""")
            : Html.Of($"""
                <p class="note">A locked user cannot use the account. A suspended one can read, and leave rooms.</p>
                <div class="buttons">
                {Switch(visit, "user-lock", user.IsLocked ? "Unlock" : "Lock", user.UserId, !user.IsLocked)}
                {Switch(
                    visit,
                    "user-suspend",
                    user.IsSuspended ? "End the suspension" : "Suspend",
                    user.UserId,
                    !user.IsSuspended)}
                </div>
                """);
        var right = isSelf || user.Kind != UserKind.User
            ? Html.Empty
            : Html.Of($"""
                <a class="button" href="{Link.To("user-admin", ("id", user.UserId))}">
                {(user.IsAdmin ? "Take the administrator right" : "Make administrator")}</a>
                """);
        return Html.Of($"""
            <h2>Moderation</h2>
            {moderation}
            <h2>Account</h2>
            <div class="buttons">
            <a class="button" href="{Link.To("user-password", ("id", user.UserId))}">Set a password</a>
            {right}
            <a class="button" href="{Link.To(Sections.Notices, ("id", user.UserId))}">Send a notice</a>
            <a class="button danger" href="{Link.To("user-redact", ("id", user.UserId))}">Redact all messages</a>
            <a class="button danger" href="{Link.To("user-deactivate", ("id", user.UserId))}">Deactivate</a>
            </div>
            """);
    }

    private static Html Switch(AdminVisit visit, string action, string label, string userId, bool value) =>
        ActionForm.Of(visit, action, label, "", ("id", userId), ("value", value ? "true" : "false"));
}
