using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media;
using Matrix.Host.Media.Previews;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>Previews of pages. v1.19 client-server-api#content-repository</summary>
internal sealed class Previews(UrlPreviews previews, MediaOptions options, ClientOptions client) : IEndpoints
{
    private const int LongestUrl = 2000;

    public void Map(ClientRoutes routes)
    {
        // A server without previews does not know the endpoint, as clients expect.
        if (!options.Previews) return;
        // v1.19 client-server-api#get_matrixclientv1mediapreview_url
        routes.Of(RouteOwner.Nobody).V1.Get("media/preview_url", Read, GetAsync);
        // v1.19 client-server-api#get_matrixmediav3preview_url
        routes.Of(RouteOwner.Nobody).At(MediaPaths.Older).Get("preview_url", Read, GetAsync);
    }

    private static (Uri? Url, long? At) Read(QueryReader query)
    {
        var text = query.RequiredText("url");
        var isUrl = Uri.TryCreate(text, UriKind.Absolute, out var url)
            && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
            && url.AbsoluteUri.Length <= LongestUrl;
        if (!isUrl) query.Refuse(MatrixError.InvalidParam, "`url` is not an http or https address, or is too long.");
        return (url, query.Number("ts"));
    }

    private async ValueTask<Answer> GetAsync(Call call, (Uri? Url, long? At) asked, CancellationToken stop)
    {
        var preview = await previews.OfAsync(call.CausedBy, asked.Url!, asked.At, stop);
        return preview.IsOk ? Answer.Bytes(preview.Value) : MediaAnswers.Of(preview.Failure, client);
    }
}
