using Matrix.Host.Api.Http;
using Matrix.Host.Media;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>The limits of uploads. Client-Server API, "Content repository".</summary>
internal sealed class Configuration(MediaOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        routes.V1.Get("media/config", Get);
        routes.At(MediaPaths.Older).Get("config", Get);
    }

    private ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(Answer.Json(
        options.UploadBytes, static (json, bytes) => json.WriteNumber("m.upload.size", bytes)));
}
