using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>The headers of responses with media. v1.19 client-server-api#content-repository,
/// v1.19 client-server-api#serving-inline-content
/// </summary>
internal static class MediaHeaders
{
    private const string Policy =
        "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; "
        + "object-src 'self';";

    /// <summary>The types that browsers may show themselves.</summary>
    private static readonly FrozenSet<string> _inline = FrozenSet.ToFrozenSet(
        [
            "text/css",
            "text/plain",
            "text/csv",
            "application/json",
            "application/ld+json",
            "image/jpeg",
            "image/gif",
            "image/png",
            "image/apng",
            "image/webp",
            "image/avif",
            "video/mp4",
            "video/webm",
            "video/ogg",
            "video/quicktime",
            "audio/mp4",
            "audio/webm",
            "audio/aac",
            "audio/mpeg",
            "audio/ogg",
            "audio/wave",
            "audio/wav",
            "audio/x-wav",
            "audio/x-pn-wav",
            "audio/flac",
            "audio/x-flac",
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>The headers of every response, errors included.</summary>
    internal static void Add(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = Policy;
        headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        headers.XContentTypeOptions = "nosniff";
    }

    /// <summary>Whether a browser shows a content or saves it, under which name, and how long it may keep it.</summary>
    internal static void AddName(IHeaderDictionary headers, string contentType, string? fileName)
    {
        headers.ContentDisposition = DispositionOf(contentType, fileName);

        // A URI has the same content for ever.
        headers.CacheControl = "private, max-age=86400, immutable";
    }

    /// <summary>The `Content-Disposition` of a content.</summary>
    internal static string DispositionOf(string contentType, string? fileName)
    {
        var disposition = new ContentDispositionHeaderValue(IsInline(contentType) ? "inline" : "attachment");
        if (fileName is not null) disposition.SetHttpFileName(fileName);
        return disposition.ToString();
    }

    private static bool IsInline(string contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType.Value is { } name
        && _inline.Contains(name);
}
