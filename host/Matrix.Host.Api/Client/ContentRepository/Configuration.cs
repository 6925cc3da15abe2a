using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>The limits of uploads. v1.19 client-server-api#content-repository</summary>
internal sealed class Configuration(MediaOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv1mediaconfig
        routes.Of(RouteOwner.Nobody).V1.Get("media/config", Get);
        // v1.19 client-server-api#get_matrixmediav3config
        routes.Of(RouteOwner.Nobody).At(MediaPaths.Older).Get("config", Get);
    }

    private ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(Answer.Json(
        options.UploadBytes, static (json, bytes) => json.WriteNumber("m.upload.size", bytes)));
}
