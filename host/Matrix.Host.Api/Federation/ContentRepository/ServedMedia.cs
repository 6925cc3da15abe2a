using System.Text;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.ContentRepository;
using Matrix.Host.Api.Http;
using Matrix.Host.Media;

namespace Matrix.Host.Api.Federation.ContentRepository;

/// <summary>This server's media, for other servers: an empty object, and the content. Server-Server API, "Content
/// Repository".</summary>
internal sealed class ServedMedia(Media.Store.ContentRepository media, ClientOptions options) : IFederationEndpoints
{
    public void Map(FederationRoutes routes) =>
        routes.Get("media/download/{mediaId}", MediaQuery.ReadWait, GetAsync);

    private async ValueTask<Answer> GetAsync(Call call, TimeSpan wait, CancellationToken stop)
    {
        if (!MediaId.IsValid(call["mediaId"])) return Answer.NotFound("There is no such media.");
        var found = await media.FindAsync(call["mediaId"], wait, stop).ConfigureAwait(false);
        if (!found.IsOk) return MediaAnswers.Of(found.Failure, options);
        var row = found.Value;
        if (await media.OpenAsync(row, stop).ConfigureAwait(false) is not { } file)
        {
            return Answer.NotFound("The content of this media is gone.");
        }

        // A content cannot contain a boundary that was made after it.
        var boundary = Guid.NewGuid().ToString("N");
        var before = $"--{boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--{boundary}\r\n"
            + $"Content-Type: {row.ContentType}\r\n"
            + $"Content-Disposition: {MediaHeaders.DispositionOf(row.ContentType, row.FileName)}\r\n\r\n";
        return Answer.File(
            $"multipart/mixed; boundary={boundary}",
            Encoding.UTF8.GetBytes(before),
            new FileContent(row.ContentType, file.Length, row.FileHash!, file.Path, file.OpenAsync),
            Encoding.UTF8.GetBytes($"\r\n--{boundary}--\r\n"));
    }
}
