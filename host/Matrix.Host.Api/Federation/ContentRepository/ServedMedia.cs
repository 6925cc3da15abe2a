using System.Text;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.ContentRepository;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media;
using Matrix.Host.Media.Thumbnails;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Api.Federation.ContentRepository;

/// <summary>
/// This server's media, for other servers: an empty object, and the content. v1.19 server-server-api#content-repository
/// </summary>
internal sealed class ServedMedia(
    Media.Store.ContentRepository media, Thumbnailer thumbnailer, ClientOptions options) : IFederationEndpoints
{
    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#get_matrixfederationv1mediadownloadmediaid
        routes.Of(RouteOwner.Nobody).Get("media/download/{mediaId}", MediaQuery.ReadWait, GetAsync);
        // v1.19 server-server-api#get_matrixfederationv1mediathumbnailmediaid
        routes.Of(RouteOwner.Nobody).Get("media/thumbnail/{mediaId}", MediaQuery.ReadThumbnail, GetThumbnailAsync);
    }

    private async ValueTask<Answer> GetAsync(Call call, TimeSpan wait, CancellationToken stop)
    {
        var found = await FindAsync(call, wait, stop);
        if (!found.IsOk) return MediaAnswers.Of(found.Failure, options);
        var row = found.Value;
        return await media.OpenAsync(row, stop) is { } file
            ? InTwoParts(
                new FileContent(row.ContentType, file.Length, row.FileHash!, file.Path, file.OpenAsync), row.FileName)
            : Answer.NotFound("The content of this media is gone.");
    }

    private async ValueTask<Answer> GetThumbnailAsync(
        Call call, (ThumbnailRequest Asked, TimeSpan Wait) query, CancellationToken stop)
    {
        var found = await FindAsync(call, query.Wait, stop);
        if (!found.IsOk) return MediaAnswers.Of(found.Failure, options);
        var made = await thumbnailer.OfAsync(found.Value, query.Asked, call.Peer.ServerName, stop);
        return made.IsOk
            ? InTwoParts(made.Value.Content(), made.Value.FileName)
            : MediaAnswers.Of(made.Failure, options);
    }

    private async ValueTask<MediaResult<MediaRow>> FindAsync(Call call, TimeSpan wait, CancellationToken stop) =>
        MediaId.IsValid(call["mediaId"])
            ? await media.FindAsync(call["mediaId"], wait, stop)
            : new MediaFailure(MediaFailureKind.NotFound, "There is no such media.");

    private static Answer InTwoParts(FileContent content, string? fileName)
    {
        // A content cannot contain a boundary that was made after it.
        var boundary = Guid.NewGuid().ToString("N");
        var before = $"--{boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--{boundary}\r\n"
            + $"Content-Type: {content.ContentType}\r\n"
            + $"Content-Disposition: {MediaHeaders.DispositionOf(content.ContentType, fileName)}\r\n\r\n";
        return Answer.File(
            $"multipart/mixed; boundary={boundary}",
            Encoding.UTF8.GetBytes(before),
            content,
            Encoding.UTF8.GetBytes($"\r\n--{boundary}--\r\n"));
    }
}
