using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media;
using Matrix.Host.Media.Remote;
using Matrix.Host.Media.Thumbnails;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>Thumbnails of images, with a token or at the deprecated paths. v1.19 client-server-api#thumbnails</summary>
internal sealed class Thumbnails(
    MediaFinder finder, Thumbnailer thumbnailer, MediaOptions options, ClientOptions client) : IEndpoints
{
    private const string Path = "thumbnail/{serverName}/{mediaId}";

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv1mediathumbnailservernamemediaid
        routes.Of(RouteOwner.Nobody).V1.GetAndHead(
            "media/" + Path, MediaQuery.ReadThumbnail, GetAsync, MediaPaths.EveryUser);
        // v1.19 client-server-api#get_matrixmediav3thumbnailservernamemediaid
        routes.Of(RouteOwner.Nobody).At(MediaPaths.Older).GetAndHead(
            Path, MediaQuery.ReadOlderThumbnail, GetOlderAsync, MediaPaths.Anyone);
    }

    private ValueTask<Answer> GetAsync(
        Call call, (ThumbnailRequest Asked, TimeSpan Wait) query, CancellationToken stop) =>
        AnswerAsync(
            call, query.Asked, MediaLookup.Authenticated(call["serverName"], call["mediaId"], query.Wait), stop);

    private ValueTask<Answer> GetOlderAsync(
        Call call,
        (bool MayFetch, (ThumbnailRequest Asked, TimeSpan Wait) Thumbnail) query,
        CancellationToken stop) =>
        AnswerAsync(
            call,
            query.Thumbnail.Asked,
            new MediaLookup(call["serverName"], call["mediaId"], query.Thumbnail.Wait) { MayFetch = query.MayFetch },
            stop);

    private async ValueTask<Answer> AnswerAsync(
        Call call, ThumbnailRequest asked, MediaLookup lookup, CancellationToken stop)
    {
        var headers = call.Http.Response.Headers;
        MediaHeaders.Add(headers);
        var isRemote = lookup.Origin != options.ServerName;
        var found = await finder.FindAsync(lookup with { Who = call.CausedBy }, stop);
        if (!found.IsOk) return MediaAnswers.Of(found.Failure, client, isRemote);
        var made = await thumbnailer.OfAsync(found.Value, asked, call.CausedBy, stop);
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
