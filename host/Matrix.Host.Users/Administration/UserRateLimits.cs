using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.RateLimits;

namespace Matrix.Host.Users.Administration;

/// <summary>The limits of rates that administrators set for single users. Each act is recorded.</summary>
public sealed class UserRateLimits(IStorageWriter writer, AuditLog audit)
{
    /// <summary>Sets the limit of a user.</summary>
    public ValueTask SetAsync(AdminActor actor, UserRateLimit limit, CancellationToken stop) =>
        WriteAsync(audit.Of(actor, "user.set_rate_limit", limit.UserId), new RateLimitSet(limit), stop);

    /// <summary>Removes the limit of a user, who has that of everybody then.</summary>
    public ValueTask RemoveAsync(AdminActor actor, string userId, CancellationToken stop) =>
        WriteAsync(audit.Of(actor, "user.unset_rate_limit", userId), new RateLimitRemoved(userId), stop);

    private async ValueTask WriteAsync(AdminActionRecorded record, Change change, CancellationToken stop)
    {
        var batch = new WriteBatch(Authority.Nobody, 2).Require(record).Add(change);
        await writer.WriteAsync(batch, stop);
    }
}
