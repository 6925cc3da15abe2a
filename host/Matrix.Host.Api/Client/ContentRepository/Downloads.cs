using Matrix.Host.Api.Http;
using Matrix.Host.Media;
using Matrix.Host.Media.Remote;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>Downloads, with a token or at the deprecated paths. Client-Server API, "Content repository".</summary>
internal sealed class Downloads(
    Media.Store.ContentRepository media, RemoteMedia remote, MediaOptions options, ClientOptions client) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var everyUser = new RouteOptions { Access = Access.UsersAndGuests };
        var anyone = new RouteOptions { Access = Access.Anyone };
        foreach (var path in new[] { "download/{serverName}/{mediaId}", "download/{serverName}/{mediaId}/{fileName}" })
        {
            routes.V1.Get("media/" + path, MediaQuery.ReadWait, GetAsync, everyUser);
            routes.At(MediaPaths.Older).Get(path, MediaQuery.ReadWait, GetUnauthenticatedAsync, anyone);
        }
    }

    private ValueTask<Answer> GetAsync(Call call, TimeSpan wait, CancellationToken stop) =>
        GetAsync(call, wait, until: null, stop);

    private ValueTask<Answer> GetUnauthenticatedAsync(Call call, TimeSpan wait, CancellationToken stop) =>
        GetAsync(call, wait, options.UnauthenticatedUntil ?? DateTimeOffset.UnixEpoch, stop);

    /// <summary>The content of a URI.</summary>
    /// <param name="until">Only what came here before this time is served; null for all.</param>
    private async ValueTask<Answer> GetAsync(
        Call call, TimeSpan wait, DateTimeOffset? until, CancellationToken stop)
    {
        MediaHeaders.Add(call.Http.Response.Headers);
        var (origin, mediaId) = (call["serverName"], call["mediaId"]);
        if (!MediaId.IsValid(mediaId)) return Answer.NotFound("There is no such media.");

        // What is fetched now is too new to be served without authentication.
        var found = origin == options.ServerName
            ? await media.FindAsync(mediaId, wait, stop).ConfigureAwait(false)
            : await remote.FindAsync(origin, mediaId, wait, mayFetch: until is null, stop).ConfigureAwait(false);
        if (!found.IsOk) return MediaAnswers.Of(found.Failure, client);
        if (found.Value.CreatedAt >= until?.ToUnixTimeMilliseconds())
        {
            return Answer.NotFound("There is no such media without authentication.");
        }

        return await SendAsync(call, found.Value, stop).ConfigureAwait(false);
    }

    private async ValueTask<Answer> SendAsync(Call call, MediaRow row, CancellationToken stop)
    {
        if (await media.OpenAsync(row, stop).ConfigureAwait(false) is not { } file)
        {
            return Answer.NotFound("The content of this media is gone.");
        }

        var name = call["fileName"] is { Length: > 0 } asked ? asked : row.FileName;
        MediaHeaders.AddName(call.Http.Response.Headers, row.ContentType, name);
        return FileAnswers.For(
            call.Http, new FileContent(row.ContentType, file.Length, row.FileHash!, file.Path, file.OpenAsync));
    }
}
