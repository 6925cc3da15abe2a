using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media.Remote;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>Downloads, with a token or at the deprecated paths. v1.19 client-server-api#content-repository</summary>
internal sealed class Downloads(
    MediaFinder finder, Media.Store.ContentRepository media, ClientOptions client) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        foreach (var path in new[] { "download/{serverName}/{mediaId}", "download/{serverName}/{mediaId}/{fileName}" })
        {
            // v1.19 client-server-api#get_matrixclientv1mediadownloadservernamemediaid
            // v1.19 client-server-api#get_matrixclientv1mediadownloadservernamemediaidfilename
            routes.Of(RouteOwner.Nobody).V1.GetAndHead(
                "media/" + path, MediaQuery.ReadWait, GetAsync, MediaPaths.EveryUser);
            // v1.19 client-server-api#get_matrixmediav3downloadservernamemediaid
            // v1.19 client-server-api#get_matrixmediav3downloadservernamemediaidfilename
            routes.Of(RouteOwner.Nobody).At(MediaPaths.Older).GetAndHead(
                path, MediaQuery.ReadOlder, GetOlderAsync, MediaPaths.Anyone);
        }
    }

    private ValueTask<Answer> GetAsync(Call call, TimeSpan wait, CancellationToken stop) =>
        AnswerAsync(call, MediaLookup.Authenticated(call["serverName"], call["mediaId"], wait), stop);

    private ValueTask<Answer> GetOlderAsync(
        Call call, (bool MayFetch, TimeSpan Wait) query, CancellationToken stop) =>
        AnswerAsync(
            call,
            new MediaLookup(call["serverName"], call["mediaId"], query.Wait) { MayFetch = query.MayFetch },
            stop);

    private async ValueTask<Answer> AnswerAsync(Call call, MediaLookup lookup, CancellationToken stop)
    {
        var headers = call.Http.Response.Headers;
        MediaHeaders.Add(headers);
        var found = await finder.FindAsync(lookup with { Who = call.CausedBy }, stop);
        if (!found.IsOk) return MediaAnswers.Of(found.Failure, client);
        var row = found.Value;
        if (await media.OpenAsync(row, stop) is not { } file)
        {
            return Answer.NotFound("The content of this media is gone.");
        }

        var name = call["fileName"] is { Length: > 0 } asked ? asked : row.FileName;
        MediaHeaders.AddName(headers, row.ContentType, name);
        return FileAnswers.For(
            call.Http, new FileContent(row.ContentType, file.Length, row.FileHash!, file.Path, file.OpenAsync));
    }
}
