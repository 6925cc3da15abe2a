using Matrix.Host.Media.Operators;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Files;

/// <summary>What administrators do to media. Each act is in the audit log.</summary>
internal sealed class MediaModeration(
    MediaOperations operations, MediaAdministration media, UserAdministration users, AuditLog audit)
{
    /// <summary>Deletes the media of a URI.</summary>
    internal async ValueTask<MediaOutcome> DeleteAsync(AdminActor actor, string uri, CancellationToken stop) =>
        await RecordAsync(actor, "media.delete", uri, await operations.DeleteAsync(uri, stop));

    /// <summary>Keeps the content of a URI from being served.</summary>
    internal async ValueTask<MediaOutcome> QuarantineAsync(AdminActor actor, string uri, CancellationToken stop) =>
        await RecordAsync(
            actor,
            "media.quarantine",
            uri,
            await operations.QuarantineAsync(uri, actor.Who, stop));

    /// <summary>Lets the content of a URI be served again.</summary>
    internal async ValueTask<MediaOutcome> ReleaseAsync(AdminActor actor, string uri, CancellationToken stop) =>
        await RecordAsync(actor, "media.release", uri, await operations.ReleaseAsync(uri, stop));

    /// <summary>Keeps all contents from being served that a local user uploaded. Returns their number.</summary>
    internal async ValueTask<UserResult<int>> QuarantineOfUserAsync(
        AdminActor actor, string userId, CancellationToken stop)
    {
        var found = await users.FindAsync(userId, stop);
        if (!found.IsOk) return found.Failure;
        var count = await media.QuarantineOfUserAsync(userId, actor.Who, stop);
        await audit.RecordAsync(actor, "media.quarantine_of_user", userId);
        return count;
    }

    private async ValueTask<MediaOutcome> RecordAsync(
        AdminActor actor, string action, string target, MediaOutcome outcome)
    {
        await audit.RecordAsync(actor, action, target, outcome.IsDone ? null : outcome.Text);
        return outcome;
    }
}
