using Matrix.Host.Api.Http;
using Matrix.Host.Media;
using Matrix.Host.Media.Remote;
using Matrix.Host.Media.Thumbnails;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>Thumbnails of images, with a token or at the deprecated paths. Client-Server API, "Thumbnails".</summary>
internal sealed class Thumbnails(
    MediaFinder finder, Thumbnailer thumbnailer, MediaOptions options, ClientOptions client) : IEndpoints
{
    private const string Path = "thumbnail/{serverName}/{mediaId}";

    public void Map(ClientRoutes routes)
    {
        routes.V1.Get(
            "media/" + Path,
            MediaQuery.ReadThumbnail,
            (call, query, stop) => GetAsync(call, query, isAuthenticated: true, stop),
            MediaPaths.EveryUser);
        routes.At(MediaPaths.Older).Get(
            Path,
            MediaQuery.ReadThumbnail,
            (call, query, stop) => GetAsync(call, query, isAuthenticated: false, stop),
            MediaPaths.Anyone);
    }

    private async ValueTask<Answer> GetAsync(
        Call call, (ThumbnailRequest Asked, TimeSpan Wait) query, bool isAuthenticated, CancellationToken stop)
    {
        var headers = call.Http.Response.Headers;
        MediaHeaders.Add(headers);
        var isRemote = call["serverName"] != options.ServerName;
        var found = await finder.FindAsync(call["serverName"], call["mediaId"], query.Wait, isAuthenticated, stop)
            .ConfigureAwait(false);
        if (!found.IsOk) return MediaAnswers.Of(found.Failure, client, isRemote);
        var caller = call.CallerIfAny?.UserId ?? call.Address;
        var made = await thumbnailer.OfAsync(found.Value, query.Asked, caller, stop).ConfigureAwait(false);
        if (!made.IsOk) return MediaAnswers.Of(made.Failure, client, isRemote);
        var thumbnail = made.Value;
        MediaHeaders.AddName(headers, thumbnail.ContentType, thumbnail.FileName);
        return FileAnswers.For(call.Http, thumbnail.Content());
    }
}

/// <summary>Thumbnails as files that are sent.</summary>
internal static class ThumbnailContents
{
    internal static FileContent Content(this Thumbnail thumbnail) => new(
        thumbnail.ContentType, thumbnail.File.Length, thumbnail.Tag, thumbnail.File.Path, thumbnail.File.OpenAsync);
}
