using Matrix.Host.Api.Admin.Files;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Api.AdminPages.Media;

/// <summary>One file, and what administrators do to media.</summary>
internal sealed class MediaPageActions(AdminFrame frame, MediaModeration moderation, MediaTable mediaTable) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, MediaLinks.FilePage, ShowAsync);
        frame.Action(routes, "media-quarantine", async (visit, form, stop) =>
        {
            var uri = form.Text("uri") ?? "";
            var outcome = await moderation.QuarantineAsync(visit.Actor, uri, stop);
            return AdminActionResult.Of(
                MediaLinks.File(uri), outcome.IsDone ? null : outcome.Text, "The content is in quarantine.");
        });
        frame.Action(routes, "media-release", async (visit, form, stop) =>
        {
            var uri = form.Text("uri") ?? "";
            var outcome = await moderation.ReleaseAsync(visit.Actor, uri, stop);
            return AdminActionResult.Of(
                MediaLinks.File(uri), outcome.IsDone ? null : outcome.Text, "The content is served again.");
        });
        frame.Confirmed(routes, "media-delete", new MediaDeletion(moderation, mediaTable));
        frame.Confirmed(routes, "user-media-quarantine", new UserQuarantine(moderation));
    }

    /// <summary>The media of a URI; null if there is none.</summary>
    internal static async ValueTask<MediaRow?> FindAsync(
        MediaTable mediaTable, string uri, CancellationToken stop) =>
        uri.StartsWith("mxc://", StringComparison.Ordinal) && uri["mxc://".Length..].Split('/') is [var origin, var id]
            ? await mediaTable.FindAsync(origin, id, stop)
            : null;

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var uri = visit.Query("uri").Trim();
        if (await FindAsync(mediaTable, uri, stop) is not { } row)
        {
            return AdminView.Nothing(Sections.Media, "There is no media of that URI here.") with
            {
                Above = ("Media", Sections.Media),
            };
        }

        var uploader = row.Uploader is { } user
            ? Html.Of($"""<a href="{MediaLinks.OfUser(user)}">{user}</a>""")
            : Html.Of($"{row.Origin}");
        return new AdminView(Sections.Media, row.FileName ?? row.MediaId, Html.Of($"""
            {Format.Fields(
                Format.Field("URI", Html.Of($"<code>{uri}</code>")),
                Format.Field("Uploaded by", uploader),
                Format.Field("Type, as the uploader says", row.ContentType),
                Format.Field("Size", Format.Bytes(row.Size)),
                Format.Field("Came here", Format.Time(row.CreatedAt)),
                Format.Field("Last read", Format.Time(row.AccessedAt)),
                Format.Field("SHA-256", Html.Of($"<code>{row.FileHash ?? "not uploaded yet"}</code>")))}
            <div class="buttons">{MediaLinks.ActionsOf(visit, row, "")}</div>
            """))
        {
            Above = ("Media", Sections.Media),
            Marks = Format.BadgeIf(row.IsQuarantined, "warn", "quarantine"),
        };
    }
}

/// <summary>Deletes the media of a URI.</summary>
internal sealed class MediaDeletion(MediaModeration moderation, MediaTable mediaTable) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var uri = visit.Query("uri");
        return await MediaPageActions.FindAsync(mediaTable, uri, stop) is not { } row
            ? null
            : new Confirmation(
                Sections.Media,
                $"Delete {row.FileName ?? row.MediaId}?",
                Html.Of($"""
                    <p>The file of <code>{uri}</code> is deleted if no other URI has it. <strong>This cannot be
                    undone.</strong> Copies on other servers stay.</p>
                    """),
                "Delete the file",
                MediaLinks.File(uri));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var uri = visit.Query("uri");
        var row = await MediaPageActions.FindAsync(mediaTable, uri, stop);
        var outcome = await moderation.DeleteAsync(visit.Actor, uri, stop);
        return AdminActionResult.Of(
            row?.Uploader is { } user ? MediaLinks.OfUser(user) : Sections.Media,
            outcome.IsDone ? null : outcome.Text,
            "The file is deleted.");
    }
}

/// <summary>Keeps all from being served that a user uploaded.</summary>
internal sealed class UserQuarantine(MediaModeration moderation) : IConfirmedAction
{
    public ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        return ValueTask.FromResult<Confirmation?>(new Confirmation(
            Sections.Media,
            $"Quarantine all media of {userId}?",
            Html.Of($"<p>Nothing that the user uploaded is served any more. Each file can be released again.</p>"),
            "Quarantine all",
            MediaLinks.OfUser(userId)));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var count = await moderation.QuarantineOfUserAsync(visit.Actor, userId, stop);
        return AdminActionResult.Of(
            MediaLinks.OfUser(userId), count.Failure?.Message, $"Contents in quarantine now: {count.Value}.");
    }
}
