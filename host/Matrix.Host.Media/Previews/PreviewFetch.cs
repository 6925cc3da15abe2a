using Matrix.Core.Federation;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
using Microsoft.Net.Http.Headers;

namespace Matrix.Host.Media.Previews;

/// <summary>Fetches a page and the image that it names.</summary>
public sealed class PreviewFetch(UrlClient urls, PreviewImages images, MediaOptions options)
{
    /// <summary>The images that are tried until one can be shown.</summary>
    private const int ImagesTried = 2;

    private static readonly MediaFailure _unreachable = new(
        MediaFailureKind.Unreachable, "The page could not be fetched.");

    private readonly ServerFilter _hosts = new([], options.PreviewDenied);

    private readonly IReadOnlyList<(string Name, string Value)> _headers =
    [
        ("User-Agent", "Matrix.Hybrid (bot; link previews)"),
        ("Accept", "text/html, application/xhtml+xml, image/*;q=0.9, */*;q=0.5"),
        ("Accept-Language", options.PreviewLanguages),
        ("Accept-Encoding", "identity"),
    ];

    /// <summary>Fetches a page, or an image itself.</summary>
    internal async ValueTask<MediaResult<FetchedPage>> RunAsync(Uri url, CancellationToken stop)
    {
        var opening = await urls.OpenAsync(RequestOf(url), stop);
        if (opening.Response is not { } reply) return _unreachable;
        using (reply)
        {
            if (reply.Status is < 200 or >= 300) return _unreachable;
            try
            {
                var type = MediaTypeHeaderValue.TryParse(reply.ContentType, out var parsed) ? parsed : null;
                if (type?.Type.Equals("image", StringComparison.OrdinalIgnoreCase) == true)
                {
                    return new FetchedPage(new PageFacts(), await images.ReceiveAsync(reply));
                }

                if (type?.MediaType.Value?.ToLowerInvariant() is not ("text/html" or "application/xhtml+xml"))
                {
                    return new FetchedPage(new PageFacts(), null);
                }

                var bytes = await ReadAsync(reply);
                var facts = PageReader.Read(PageText.Decode(bytes.Span, type));
                return new FetchedPage(facts, await ImageOfAsync(facts, opening.Url, stop));
            }
            catch (Exception fault) when (IsNetwork(fault) && !stop.IsCancellationRequested)
            {
                return _unreachable;
            }
        }
    }

    private async ValueTask<PreviewImage?> ImageOfAsync(PageFacts facts, Uri page, CancellationToken stop)
    {
        var origin = facts.Base is { } named && Uri.TryCreate(page, named, out var resolved) ? resolved : page;
        foreach (var address in facts.Images().Take(ImagesTried))
        {
            if (!Uri.TryCreate(origin, address, out var url)) continue;
            var opening = await urls.OpenAsync(RequestOf(url), stop);
            if (opening.Response is not { } reply) continue;
            using (reply)
            {
                try
                {
                    if (reply.Status == 200
                        && await images.ReceiveAsync(reply) is { } image)
                    {
                        return image;
                    }
                }
                catch (Exception fault) when (IsNetwork(fault) && !stop.IsCancellationRequested)
                {
                    // The preview has no such image.
                }
            }
        }

        return null;
    }

    private UrlRequest RequestOf(Uri url) => new(url, options.PreviewTime, options.Redirects)
    {
        MayBePlain = true,
        IsRefused = host => !_hosts.Allows(host),
        Headers = _headers,
    };

    /// <summary>The first bytes of a page.</summary>
    private async ValueTask<ReadOnlyMemory<byte>> ReadAsync(OpenReply reply)
    {
        var most = options.PreviewPageBytes;
        var read = new MemoryStream();
        var piece = new byte[16 << 10];
        while (read.Length < most)
        {
            var count = await reply.Body.ReadAsync(
                piece.AsMemory(0, (int)Math.Min(piece.Length, most - read.Length)), reply.Ends);
            if (count == 0) break;
            read.Write(piece, 0, count);
        }

        return read.GetBuffer().AsMemory(0, (int)read.Length);
    }

    private static bool IsNetwork(Exception fault) =>
        fault is IOException or OperationCanceledException;
}

/// <summary>What was fetched for a preview.</summary>
internal sealed record FetchedPage(PageFacts Facts, PreviewImage? Image);
