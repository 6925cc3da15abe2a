using System.Collections.Concurrent;
using Matrix.Host.Media.Store;
using Matrix.Host.Storage.Tables.Media;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// Makes thumbnails of images, each once, and keeps some of each image. Client-Server API, "Thumbnails". They have no
/// metadata, and are turned as the camera says.
/// </summary>
public sealed partial class Thumbnailer(
    ContentRepository repository, DerivedFiles derived, MediaOptions options, TimeProvider time,
    ILogger<Thumbnailer> log) : IDisposable
{
    private static readonly MediaFailure _noImage = new(
        MediaFailureKind.NoThumbnail, "There are no thumbnails of this content.");

    private static readonly MediaFailure _busy = new(
        MediaFailureKind.TooMany, "This server makes too many thumbnails at once.");

    private static readonly MediaFailure _gone = new(MediaFailureKind.NotFound, "The content of this media is gone.");

    private readonly VipsTool _tool = new(options, time);
    private readonly SemaphoreSlim _slots = new(options.ThumbnailsAtOnce);
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<(string Hash, ThumbnailRequest Asked), Task<MediaResult<Thumbnail>>>
        _running = new();

    /// <summary>A thumbnail of an image, or the image itself if it is as small.</summary>
    public async ValueTask<MediaResult<Thumbnail>> OfAsync(
        MediaRow media, ThumbnailRequest asked, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(media);
        ArgumentNullException.ThrowIfNull(asked);
        if (await repository.OpenAsync(media, stop).ConfigureAwait(false) is not { } content) return _gone;
        var key = (media.FileHash!, asked);
        if (_running.Count >= options.ThumbnailsWaiting && !_running.ContainsKey(key)) return _busy;
        var starting = new TaskCompletionSource<MediaResult<Thumbnail>>(
            TaskCreationOptions.RunContinuationsAsynchronously);
        var running = _running.GetOrAdd(key, starting.Task);

        // Not cancelled with this caller: others may wait for it.
        if (running == starting.Task)
        {
            _ = Task.Run(() => RunAsync(media, content, asked, starting), CancellationToken.None);
        }

        return await running.WaitAsync(stop).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
        _slots.Dispose();
    }

    private async Task RunAsync(
        MediaRow media, MediaFile content, ThumbnailRequest asked, TaskCompletionSource<MediaResult<Thumbnail>> ended)
    {
        MediaResult<Thumbnail> result = _noImage;
        try
        {
            await _slots.WaitAsync(_closing.Token).ConfigureAwait(false);
            try
            {
                result = await MakeAsync(media, content, asked, _closing.Token).ConfigureAwait(false);
            }
            finally
            {
                _slots.Release();
            }
        }
#pragma warning disable CA1031 // Those who wait get an error, whatever the reason is.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            if (!_closing.IsCancellationRequested) Failed(fault, media.Origin, media.MediaId);
        }
        finally
        {
            _running.TryRemove((media.FileHash!, asked), out _);
            ended.TrySetResult(result);
        }
    }

    private async ValueTask<MediaResult<Thumbnail>> MakeAsync(
        MediaRow media, MediaFile content, ThumbnailRequest asked, CancellationToken stop)
    {
        var format = await FormatAsync(content, stop).ConfigureAwait(false);
        if (format == ImageFormat.None) return _noImage;
        if (content.Length > options.ThumbnailSourceBytes) return TooLarge();
        using var work = await WorkFolder.OpenAsync(derived, content, stop).ConfigureAwait(false);
        var output = await _tool.RunAsync(work.Path, ["vipsheader", "-a", WorkFolder.Source], stop)
            .ConfigureAwait(false);
        if (output is not { ExitCode: 0 } read || ImageHeader.Read(read.Output) is not { } image) return _noImage;

        var size = ThumbnailSize.Of(asked, image.Width, image.Height);
        var moves = image.Pictures > 1;
        var mayMove = asked.Animated && moves && ImageFormats.MayMove(format)
            && image.Pictures <= options.ThumbnailPictures
            && (size is not { Crop: true } cut || cut.Width * image.Height == cut.Height * image.Width);
        if ((long)image.Width * image.Height * (mayMove ? image.Pictures : 1) > options.ThumbnailPixels)
        {
            return TooLarge();
        }

        // The image itself, unless browsers may not show it as one, or it moves and must not.
        if (size is null && format != ImageFormat.Avif && moves == mayMove)
        {
            return new Thumbnail(TypeOf(format), content, media.FileHash!);
        }

        var made = size ?? new ThumbnailSize(image.Width, image.Height, Crop: false);
        var kind = mayMove ? "webp" : image.HasAlpha ? "png" : "jpg";
        var name = $"{made.Width}x{made.Height}{(made.Crop ? "-crop" : "")}.{kind}";
        if (derived.Find(media.FileHash!, name) is { } known) return Thumbnail.Of(known, kind, media.FileHash!);
        var isMade = await RunVipsAsync(work, made, kind, mayMove, stop).ConfigureAwait(false);
        return isMade
            ? Thumbnail.Of(
                derived.Keep(media.FileHash!, name, work.PathOf("made." + kind)), kind, media.FileHash!)
            : _noImage;
    }

    private async ValueTask<bool> RunVipsAsync(
        WorkFolder work, ThumbnailSize size, string kind, bool moves, CancellationToken stop)
    {
        var quality = kind == "png" ? "strip" : "Q=80,strip";
        string[] command =
        [
            "vipsthumbnail", WorkFolder.Source + (moves ? "[n=-1]" : ""),
            "--size", $"{size.Width}x{size.Height}{(size.Crop && !moves ? "" : "!")}",
            "--export-profile", "srgb",
            "--output", $"made.{kind}[{quality}]",
            .. size.Crop && !moves ? ["--smartcrop", "centre"] : (string[])[],
        ];
        var ran = await _tool.RunAsync(work.Path, command, stop).ConfigureAwait(false);
        return ran is { ExitCode: 0 } && File.Exists(work.PathOf("made." + kind));
    }

    private static async ValueTask<ImageFormat> FormatAsync(MediaFile content, CancellationToken stop)
    {
        var start = new byte[ImageFormats.Needed];
        var stream = await content.OpenAsync(0, Math.Min(start.Length, content.Length), stop).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var read = await stream.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, stop)
                .ConfigureAwait(false);
            return ImageFormats.Of(start.AsSpan(0, read));
        }
    }

    private static string TypeOf(ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => "image/jpeg",
        ImageFormat.Png => "image/png",
        ImageFormat.Gif => "image/gif",
        _ => "image/webp",
    };

    private MediaFailure TooLarge() => new(
        MediaFailureKind.ImageTooLarge, $"The image has more than {options.ThumbnailPixels} pixels, or is too large.");

    [LoggerMessage(Level = LogLevel.Warning, Message = "A thumbnail of {Server}/{MediaId} could not be made.")]
    private partial void Failed(Exception fault, string server, string mediaId);
}

/// <summary>A thumbnail.</summary>
/// <param name="ContentType">Its media type.</param>
/// <param name="File">The bytes.</param>
/// <param name="Tag">What identifies it.</param>
public sealed record Thumbnail(string ContentType, MediaFile File, string Tag)
{
    /// <summary>The name under which it may be saved.</summary>
    public string FileName => "thumbnail." + ContentType["image/".Length..];

    internal static Thumbnail Of(FileInfo file, string kind, string hash) => new(
        kind == "jpg" ? "image/jpeg" : "image/" + kind,
        new LocalFile(file.FullName, file.Length),
        $"{hash}-{file.Name}");
}
