using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media.Operators;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Files;

/// <summary>What administrators do to media: deletion, quarantine, the cache of other servers' media.</summary>
internal sealed class MediaActions(
    MediaModeration moderation,
    MediaAdministration media,
    RoomLists rooms,
    UserAdministration users,
    AuditLog audit,
    ClientOptions options) : IEndpoints
{
    private sealed record Unused(long Before, long LargerThan, bool KeepsProfiles);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Delete("media/{serverName}/{mediaId}", DeleteAsync);
        admin.Post("media/delete", DeleteUnusedAsync);
        admin.Post("media/{serverName}/delete", DeleteUnusedOfServerAsync);
        admin.Post("media/quarantine/{serverName}/{mediaId}", (call, stop) => QuarantineAsync(call, UriOf(call), stop));
        admin.Post("media/unquarantine/{serverName}/{mediaId}", (call, stop) => ReleaseAsync(call, UriOf(call), stop));

        // Of this server only: a content that has no URI any more.
        admin.Post("media/quarantine/{sha256}", (call, stop) => QuarantineAsync(call, call["sha256"], stop));
        admin.Post("media/unquarantine/{sha256}", (call, stop) => ReleaseAsync(call, call["sha256"], stop));
        admin.Post("user/{userId}/media/quarantine", QuarantineOfUserAsync);
        admin.Post(
            "purge_media_cache",
            async (call, stop) => call.Query.Number("before_ts") is { } before
                ? await PurgeAsync(call, before, stop)
                : call.Query.Problem ?? Answer.Error(
                    400, MatrixError.MissingParam, "The query parameter `before_ts` is missing."));
    }

    /// <summary>The response with the ids of deleted media.</summary>
    internal static Answer Deleted(IReadOnlyList<string> mediaIds) => Answer.Json(mediaIds, static (json, ids) =>
    {
        json.WriteStartArray("deleted_media");
        foreach (var id in ids) json.WriteStringValue(id);
        json.WriteEndArray();
        json.WriteNumber("total", ids.Count);
    });

    private static string UriOf(Call call) => $"mxc://{call["serverName"]}/{call["mediaId"]}";

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop)
    {
        var outcome = await moderation.DeleteAsync(call.Actor(), UriOf(call), stop);
        return outcome.IsDone ? Deleted([call["mediaId"]]) : Answer.NotFound("There is no such media here.");
    }

    private ValueTask<Answer> DeleteUnusedOfServerAsync(Call call, CancellationToken stop) =>
        call["serverName"] == options.ServerName
            ? DeleteUnusedAsync(call, stop)
            : ValueTask.FromResult(Answer.InvalidParam("Only media of this server can be deleted by its age."));

    private async ValueTask<Answer> DeleteUnusedAsync(Call call, CancellationToken stop)
    {
        var query = call.Query;
        var before = query.Number("before_ts");
        var wish = new Unused(
            before ?? 0, query.Number("size_gt") ?? 0, query.Flag("keep_profiles", otherwise: true));
        if (before is null) query.Refuse(MatrixError.MissingParam, "The query parameter `before_ts` is missing.");
        if (query.Problem is { } problem) return problem;

        var kept = new HashSet<string>(StringComparer.Ordinal);
        if (wish.KeepsProfiles)
        {
            kept.UnionWith(await rooms.AvatarsAsync(stop));
            kept.UnionWith(await users.AvatarsAsync(stop));
        }

        var deleted = await media.DeleteUnusedAsync(wish.Before, wish.LargerThan, kept, stop);
        await audit.RecordAsync(call.Actor(), "media.delete_unused", $"{deleted.Count} files");
        return Deleted(deleted);
    }

    private async ValueTask<Answer> QuarantineAsync(Call call, string content, CancellationToken stop)
    {
        var outcome = await moderation.QuarantineAsync(call.Actor(), content, stop);
        return outcome.IsDone ? Answer.Empty : Answer.NotFound("There is no such media here.");
    }

    private async ValueTask<Answer> ReleaseAsync(Call call, string content, CancellationToken stop)
    {
        var outcome = await moderation.ReleaseAsync(call.Actor(), content, stop);
        return outcome.IsDone ? Answer.Empty : Answer.NotFound("There is no such media in quarantine.");
    }

    private async ValueTask<Answer> QuarantineOfUserAsync(Call call, CancellationToken stop)
    {
        var count = await moderation.QuarantineOfUserAsync(call.Actor(), call["userId"], stop);
        return count.IsOk
            ? Answer.Json(count.Value, static (json, count) => json.WriteNumber("num_quarantined", count))
            : UserAnswers.Of(count.Failure);
    }

    private async ValueTask<Answer> PurgeAsync(Call call, long before, CancellationToken stop)
    {
        var count = await media.PurgeRemoteAsync(before, stop);
        await audit.RecordAsync(call.Actor(), "media.purge_cache", $"{count} files");
        return Answer.Json(count, static (json, count) => json.WriteNumber("deleted", count));
    }
}
