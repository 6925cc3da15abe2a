using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.AdminPages.Users;

/// <summary>Gives a user the right to administer the server, or takes it.</summary>
internal sealed class AdminRight(UserAdministration users) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var found = await users.FindAsync(userId, stop);
        if (!found.IsOk) return null;
        var gives = !found.Value.IsAdmin;
        return new Confirmation(
            Sections.Users,
            gives ? $"Make {userId} an administrator?" : $"Take the administrator right from {userId}?",
            Html.Of($"""
                <p>{(gives
                    ? "Administrators can read all rooms, and change and end all accounts."
                    : "The user is signed out of this page at once.")}</p>
                <input type="hidden" name="value" value="{(gives ? "true" : "false")}">
                """),
            gives ? "Make administrator" : "Take the right",
            UserLinks.To(userId));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var gives = form.Text("value") == "true";
        var failure = await users.SetAdminAsync(visit.Actor, userId, gives, stop);
        return AdminActionResult.Of(
            UserLinks.To(userId),
            failure?.Message,
            gives ? "The user is an administrator now." : "The user is no administrator any more.");
    }
}

/// <summary>Sets a user's password.</summary>
internal sealed class PasswordReset(UserAdministration users) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        return !(await users.FindAsync(userId, stop)).IsOk
            ? null
            : new Confirmation(
                Sections.Users,
                $"Set a password for {userId}",
                Html.Of($"""
                    <label>New password of the user
                    <input name="new_password" type="password" required autocomplete="off"></label>
                    <label class="check"><input type="checkbox" name="log_out" value="yes" checked>
                    Log all devices out</label>
                    """),
                "Set the password",
                UserLinks.To(userId));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var password = form.Text("new_password") ?? "";
        var problem = PasswordLogin.JudgeOfAdministrator(password)
            ?? (await users.SetPasswordAsync(visit.Actor, userId, password, form.Text("log_out") == "yes", stop))
                ?.Message;
        return AdminActionResult.Of(UserLinks.To(userId), problem, "The password is set.");
    }
}

/// <summary>Ends an account.</summary>
internal sealed class UserDeactivation(UserAdministration users) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        return !(await users.FindAsync(userId, stop)).IsOk
            ? null
            : new Confirmation(
                Sections.Users,
                $"Deactivate {userId}?",
                Html.Of($"""
                    <p>The user leaves all rooms, all devices are logged out, and nobody can have this user name again.
                    <strong>This cannot be undone.</strong></p>
                    <label class="check"><input type="checkbox" name="erase" value="yes">
                    Hide the user's messages from those who join later</label>
                    """),
                "Deactivate the account",
                UserLinks.To(userId));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var failure = await users.DeactivateAsync(visit.Actor, userId, form.Text("erase") == "yes", stop);
        return AdminActionResult.Of(UserLinks.To(userId), failure?.Message, "The account has ended.");
    }
}

/// <summary>Logs a device out: it loses its keys.</summary>
internal sealed class DeviceDeletion(DeviceAdministration devices) : IConfirmedAction
{
    private static UserDevice DeviceOf(AdminVisit visit) => new(visit.Query("id"), visit.Query("device"));

    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var found = await devices.FindAsync(DeviceOf(visit), stop);
        return !found.IsOk
            ? null
            : new Confirmation(
                Sections.Users,
                $"Log out {found.Value.ShownName()}?",
                Html.Of($"""
                    <p>The device <code>{found.Value.DeviceId}</code> of {found.Value.UserId} loses its access and its
                    keys. Messages that only it can read are lost.</p>
                    """),
                "Log the device out",
                Link.To(UserLinks.DevicesPage, ("id", found.Value.UserId)));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var device = DeviceOf(visit);
        var failure = await devices.DeleteAsync(visit.Actor, device.UserId, [device.DeviceId], stop);
        return AdminActionResult.Of(
            Link.To(UserLinks.DevicesPage, ("id", device.UserId)), failure?.Message, "The device is logged out.");
    }
}
