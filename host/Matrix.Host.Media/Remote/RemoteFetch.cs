using System.IO.Pipelines;
using Matrix.Host.Media.Store;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
using Matrix.Host.Storage.Tables.Media;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Matrix.Host.Media.Remote;

/// <summary>
/// Fetches a content from its server, and keeps it. v1.19 server-server-api#content-repository: the signed endpoint, or
/// the deprecated one of clients where a server does not know it.
/// </summary>
public sealed class RemoteFetch(
    FederationOperations api,
    UrlClient urls,
    ContentRepository repository,
    MediaSpool spool,
    MediaOptions options,
    TimeProvider time)
{
    private const int LongestName = 255;
    private const int LongestBoundary = 70;
    private const int MetadataBytes = 64 << 10;

    private static readonly MediaFailure _malformed = new(
        MediaFailureKind.Unreachable, "The other server's response is malformed.");

    private static readonly MediaFailure _notFetched = new(
        MediaFailureKind.Unreachable, "The content could not be fetched from its server.");

    private static readonly MediaFailure _incomplete = new(
        MediaFailureKind.Unreachable, "The other server's response did not arrive completely.");

    /// <summary>Fetches a content.</summary>
    /// <param name="origin">The server.</param>
    /// <param name="mediaId">The second part of the URI.</param>
    /// <param name="wait">How long the other server may wait for a content that has not been uploaded.</param>
    /// <exception cref="IOException">This server failed, not the other one.</exception>
    internal async ValueTask<RemoteOutcome> RunAsync(
        string origin, string mediaId, TimeSpan wait, CancellationToken stop)
    {
        FederationResult<OpenReply> sent;
        try
        {
            sent = await api.DownloadMediaAsync(origin, mediaId, wait, options.RemoteTime, stop);
        }
        catch (OperationCanceledException)
        {
            // The time of the fetch, which began a moment before that of the request.
            return new RemoteOutcome(_notFetched, IsSilent: true);
        }

        if (sent.Failure is { IsUnrecognized: false } failure) return new(FailureOf(failure), IsSilent(failure));
        try
        {
            return new(await ReadAsync(origin, mediaId, wait, sent, stop), IsSilent: false);
        }
        catch (Exception fault) when (fault is RemoteBodyException
            || (fault is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return new RemoteOutcome(_incomplete, IsSilent: false);
        }
    }

    /// <summary>Reads what was sent, or what the deprecated endpoint sends.</summary>
    private async ValueTask<MediaFailure?> ReadAsync(
        string origin, string mediaId, TimeSpan wait, FederationResult<OpenReply> sent, CancellationToken stop)
    {
        if (sent.IsOk)
        {
            using var reply = sent.Value;
            return await ReadPartsAsync(origin, mediaId, reply, stop);
        }

        var open = await api.DownloadOpenMediaAsync(origin, mediaId, wait, options.RemoteTime, stop);
        if (!open.IsOk) return FailureOf(open.Failure!);
        using var whole = open.Value;
        if (whole.Status != 200) return _malformed;
        return await KeepAsync(origin, mediaId, whole, stop);
    }

    /// <summary>The second part is the content, or leads to it.</summary>
    private async ValueTask<MediaFailure?> ReadPartsAsync(
        string origin, string mediaId, OpenReply reply, CancellationToken stop)
    {
        if (!MediaTypeHeaderValue.TryParse(reply.ContentType, out var type)
            || !type.MediaType.Equals("multipart/mixed", StringComparison.OrdinalIgnoreCase)
            || HeaderUtilities.RemoveQuotes(type.Boundary).Value is not { Length: > 0 and <= LongestBoundary } boundary)
        {
            return _malformed;
        }

        var reader = new MultipartReader(boundary, reply.Body) { BodyLengthLimit = MetadataBytes };
        if (await NextAsync() is null) return _malformed;
        reader.BodyLengthLimit = null;
        if (await NextAsync() is not { } part) return _malformed;
        if (part.Headers is { } headers && headers.TryGetValue("Location", out var location))
        {
            return Uri.TryCreate(location.ToString(), UriKind.Absolute, out var url)
                ? await FollowAsync(origin, mediaId, url, stop)
                : _malformed;
        }

        return await KeepAsync(origin, mediaId, part.Body, part.ContentType, part.ContentDisposition, reply.Ends, stop);

        ValueTask<MultipartSection?> NextAsync() => RemoteBody.ReadAsync(
            async () => await reader.ReadNextSectionAsync(reply.Ends));
    }

    private async ValueTask<MediaFailure?> FollowAsync(
        string origin, string mediaId, Uri url, CancellationToken stop)
    {
        var opening = await urls.OpenAsync(new UrlRequest(url, options.RemoteTime, options.Redirects), stop);
        if (opening.Response is not { } reply)
        {
            return new MediaFailure(
                MediaFailureKind.Unreachable, "The content is kept in a place that does not answer.");
        }

        using (reply)
        {
            return reply.Status == 200
                ? await KeepAsync(origin, mediaId, reply, stop)
                : _malformed;
        }
    }

    private ValueTask<MediaFailure?> KeepAsync(
        string origin, string mediaId, OpenReply reply, CancellationToken stop) =>
        reply.Length > options.RemoteFileBytes ? ValueTask.FromResult<MediaFailure?>(TooLarge())

            // Where the connection ends the body, one that was cut off looks complete.
            : !reply.IsDelimited ? ValueTask.FromResult<MediaFailure?>(_malformed)
            : KeepAsync(
                origin, mediaId, reply.Body, reply.ContentType, reply.ContentDisposition, reply.Ends, stop);

    private async ValueTask<MediaFailure?> KeepAsync(
        string origin,
        string mediaId,
        Stream content,
        string? contentType,
        string? disposition,
        CancellationToken ends,
        CancellationToken stop)
    {
        var body = PipeReader.Create(new RemoteBody(content));
        using var file = await spool.ReceiveAsync(body, options.RemoteFileBytes, ends);
        if (file is null) return TooLarge();
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var row = new MediaRow(
            origin,
            mediaId,
            file.Hash,
            file.Size,
            Upload.TypeOf(contentType),
            NameOf(disposition),
            null,
            now,
            now,
            null,
            false);

        // If it is not applied, another fetch was faster.
        await repository.KeepAsync(file, row, isNew: true, stop);
        return null;
    }

    /// <summary>The file name of a header; null if it has none.</summary>
    private static string? NameOf(string? disposition)
    {
        if (!ContentDispositionHeaderValue.TryParse(disposition, out var parsed)) return null;
        var given = parsed.FileNameStar.HasValue ? parsed.FileNameStar : parsed.FileName;
        var name = HeaderUtilities.UnescapeAsQuotedString(given).Value;
        if (string.IsNullOrEmpty(name)) return null;
        var printable = string.Concat(name.Where(static c => !char.IsControl(c)));
        if (printable.Length <= LongestName) return printable;
        return printable[..(char.IsHighSurrogate(printable[LongestName - 1]) ? LongestName - 1 : LongestName)];
    }

    private MediaFailure TooLarge() => new(
        MediaFailureKind.RemoteTooLarge, $"The content has more than {options.RemoteFileBytes} bytes.");

    /// <summary>Whether no response began. Other files of that server would not come either.</summary>
    private static bool IsSilent(FederationFailure failure) => failure.Kind
        is FederationFailureKind.NotFound or FederationFailureKind.AddressRefused
        or FederationFailureKind.Unreachable or FederationFailureKind.Tls or FederationFailureKind.TimedOut;

    private static MediaFailure FailureOf(FederationFailure failure) => failure switch
    {
        { Kind: FederationFailureKind.ServerDenied } =>
            new MediaFailure(MediaFailureKind.NotFound, "This server does not talk to the content's server."),
        { ErrorCode: "M_NOT_YET_UPLOADED" } =>
            new MediaFailure(MediaFailureKind.NotYetUploaded, "The content has not been uploaded yet."),
        { ErrorCode: "M_TOO_LARGE" } =>
            new MediaFailure(MediaFailureKind.RemoteTooLarge, "The content is too large for its server."),
        { Kind: FederationFailureKind.Refused, Status: 403 or 404 } =>
            new MediaFailure(MediaFailureKind.NotFound, "The content's server does not have it."),
        _ => _notFetched,
    };
}

/// <summary>The end of a fetch.</summary>
/// <param name="Failure">The failure; null if the content is here now.</param>
/// <param name="IsSilent">Whether the server did not begin to respond.</param>
internal readonly record struct RemoteOutcome(MediaFailure? Failure, bool IsSilent);
