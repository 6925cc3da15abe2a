using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media;
using Matrix.Host.Media.Store;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>Uploads, at once or to a URI that was created before. v1.19 client-server-api#content-repository</summary>
internal sealed class Uploads(Media.Store.ContentRepository media, MediaOptions options, ClientOptions client)
    : IEndpoints
{
    /// <summary>As file systems have it. Longer ones would not fit the headers of other servers.</summary>
    private const int LongestName = 255;

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#post_matrixmediav3upload
        routes.Of(RouteOwner.Nobody).At(MediaPaths.Older).Post("upload", UploadAsync);
        // v1.19 client-server-api#put_matrixmediav3uploadservernamemediaid
        routes.Of(RouteOwner.Nobody).At(MediaPaths.Older).Put("upload/{serverName}/{mediaId}", FillAsync);
        // v1.19 client-server-api#post_matrixmediav1create
        routes.Of(RouteOwner.Nobody).At(MediaPaths.V1).Post("create", CreateAsync);
    }

    private ValueTask<Answer> UploadAsync(Call call, CancellationToken stop) => StoreAsync(
        call,
        async (upload, stop) =>
        {
            var uploaded = await media.UploadAsync(upload, stop);
            return uploaded.IsOk
                ? Answer.Json(UriOf(uploaded.Value), static (json, uri) => json.WriteString("content_uri", uri))
                : MediaAnswers.Of(uploaded.Failure, client);
        },
        stop);

    private async ValueTask<Answer> FillAsync(Call call, CancellationToken stop)
    {
        if (call["serverName"] != options.ServerName) return Answer.NotFound("The URI is not of this server.");
        return await StoreAsync(
            call,
            async (upload, stop) =>
                await media.FillAsync(call["mediaId"], upload, stop) is { } failure
                    ? MediaAnswers.Of(failure, client)
                    : Answer.Empty,
            stop);
    }

    /// <summary>Stores a content, unless the caller's session ended while it was on its way.</summary>
    private async ValueTask<Answer> StoreAsync(
        Call call, Func<Upload, CancellationToken, ValueTask<Answer>> store, CancellationToken stop)
    {
        if (Read(call, out var upload) is { } refusal) return refusal;
        Answer? ended = null;
        var judged = upload with
        {
            MayStore = async stop =>
            {
                ended = await call.JudgeArrivedAsync(stop);
                return ended is null;
            },
        };
        try
        {
            var answer = await store(judged, stop);
            return ended ?? answer;
        }
        catch (BadHttpRequestException broken)
        {
            return RequestBody.Incomplete(call.Http, broken);
        }
    }

    private async ValueTask<Answer> CreateAsync(Call call, CancellationToken stop)
    {
        var created = await media.CreateAsync(call.Caller.UserId, stop);
        if (!created.IsOk) return MediaAnswers.Of(created.Failure, client);
        return Answer.Json((Uri: UriOf(created.Value.MediaId), created.Value.ExpiresAt), static (json, it) =>
        {
            json.WriteString("content_uri", it.Uri);
            json.WriteNumber("unused_expires_at", it.ExpiresAt);
        });
    }

    private Answer? Read(Call call, out Upload upload)
    {
        var request = call.Http.Request;
        var type = Upload.TypeOf(request.ContentType);
        var name = call.Query.Text("filename") is { Length: > 0 } text ? text : null;
        if (name?.Contains('\0', StringComparison.Ordinal) == true)
        {
            call.Query.Refuse(MatrixError.InvalidParam, "`filename` must not contain NUL.");
        }

        if (name?.Length > LongestName)
        {
            call.Query.Refuse(MatrixError.InvalidParam, $"`filename` has more than {LongestName} characters.");
        }

        var content = RequestBody.Raw(call.Http, options.UploadBytes, options.UploadRate);
        upload = new Upload(call.Caller.UserId, content, request.ContentLength, type, name);
        return call.Query.Problem;
    }

    private string UriOf(string mediaId) => $"mxc://{options.ServerName}/{mediaId}";
}
