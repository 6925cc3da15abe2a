using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;

namespace Matrix.Host.Api.AdminPages.Users;

/// <summary>What administrators do to accounts.</summary>
internal sealed class UserActions(
    AdminFrame frame,
    UserAdministration users,
    DeviceAdministration devices,
    AccountModeration moderation,
    JobStarts starts) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        frame.Action(routes, "user-lock", (visit, form, stop) => SwitchAsync(
            form,
            (userId, value) => moderation.LockAsync(visit.Actor, userId, value, stop),
            "The account is locked.",
            "The account is not locked any more."));
        frame.Action(routes, "user-suspend", (visit, form, stop) => SwitchAsync(
            form,
            (userId, value) => moderation.SuspendAsync(visit.Actor, userId, value, stop),
            "The account is suspended.",
            "The account is not suspended any more."));
        frame.Confirmed(routes, "user-admin", new AdminRight(users));
        frame.Confirmed(routes, "user-password", new PasswordReset(users));
        frame.Confirmed(routes, "user-redact", new UserRedactionAction(starts, users));
        frame.Confirmed(routes, "user-deactivate", new UserDeactivation(users));
        frame.Confirmed(routes, "device-delete", new DeviceDeletion(devices));
    }

    private static async ValueTask<AdminActionResult> SwitchAsync(
        FormReader form, Func<string, bool, ValueTask<UserFailure?>> change, string on, string off)
    {
        var userId = form.Text("id") ?? "";
        var value = form.Text("value") == "true";
        var failure = await change(userId, value);
        return AdminActionResult.Of(UserLinks.To(userId), failure?.Message, value ? on : off);
    }
}
