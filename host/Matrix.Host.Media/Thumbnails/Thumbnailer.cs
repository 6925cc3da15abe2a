using Matrix.Host.Media.Store;
using Matrix.Host.Network.Slots;
using Matrix.Host.Storage.Tables.Media;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// Makes thumbnails of images, each once, and keeps some of each image. v1.19 client-server-api#thumbnails. They have
/// no metadata, and are turned as the camera says.
/// </summary>
public sealed partial class Thumbnailer(
    ContentRepository repository,
    ImageTool tool,
    DerivedFiles derived,
    MediaOptions options,
    ServerPaces paces,
    TimeProvider time,
    ILogger<Thumbnailer> log) : IDisposable
{
    private static readonly MediaFailure _noImage = new(
        MediaFailureKind.NoThumbnail, "There are no thumbnails of this content.");

    private static readonly MediaFailure _busy = new(
        MediaFailureKind.TooMany, "This server makes too many thumbnails at once.");

    private static readonly MediaFailure _gone = new(MediaFailureKind.NotFound, "The content of this media is gone.");

    private static readonly MediaFailure _fault = new(
        MediaFailureKind.Fault, "The thumbnail could not be made.");

    private readonly SharedWork<(string Hash, ThumbnailRequest Asked), MediaResult<Thumbnail>> _work = new(
        new WorkBounds(options.ThumbnailsWaiting, options.ThumbnailWait) { OfUser = options.ThumbnailsPerCaller },

        // One caller leaves places for the others.
        new WorkSlots(
            new SlotBounds(options.ThumbnailsAtOnce) { OfUser = Math.Max(1, options.ThumbnailsAtOnce / 2) },
            paces,
            time),
        _busy,
        time,
        static _ => true);

    private readonly RecentFailures<(string Hash, ThumbnailRequest Asked)> _failures = new(
        options.ThumbnailPause, time);

    /// <summary>Contents at which a tool was ended: each size would take as long.</summary>
    private readonly RecentFailures<string> _costly = new(options.ThumbnailPause, time);

    /// <summary>A thumbnail of an image, or the image itself if it is as small.</summary>
    /// <param name="media">The image.</param>
    /// <param name="asked">The thumbnail that is wanted.</param>
    /// <param name="caller">The user, server or address that asks. Each has a share of what is made at once.</param>
    public async ValueTask<MediaResult<Thumbnail>> OfAsync(
        MediaRow media, ThumbnailRequest asked, string caller, CancellationToken stop)
    {
        if (await repository.OpenAsync(media, stop) is not { } content) return _gone;
        var hash = media.FileHash!;
        if (HeaderOf(hash) is { } known && Known(hash, content, known, asked) is { } kept) return kept;
        if (await ImageTool.FormatAsync(content, stop) == ImageFormat.None) return _noImage;
        if (content.Length > options.ThumbnailSourceBytes) return TooLarge();
        if ((_costly.Find(hash) ?? _failures.Find((hash, asked))) is { } failure) return failure;
        return await _work.RunAsync(
            (hash, asked),
            new WorkCause(caller, Server: null),
            ends => MakeAsync(hash, content, asked, ends),
            (fault, isEnded) =>
            {
                if (isEnded) _costly.Add(hash, _fault);
                else Failed(fault, media.Origin, media.MediaId);
                return _fault;
            },
            stop);
    }

    /// <inheritdoc/>
    public void Dispose() => _work.Dispose();

    private ImageHeader? HeaderOf(string hash) =>
        derived.FindNote(hash) is { } line ? ImageHeader.Parse(line) : null;

    /// <summary>What a header tells, or a kept thumbnail; null if a thumbnail has to be made.</summary>
    private MediaResult<Thumbnail>? Known(
        string hash, MediaFile content, ImageHeader image, ThumbnailRequest asked)
    {
        if (ThumbnailPlan.Of(image, asked, options) is not { } plan) return TooLarge();
        if (plan.Size is null)
        {
            return new Thumbnail(ImageFormats.TypeOf(image.Format), content, hash);
        }

        if (derived.Find(hash, plan.Name) is { } file) return Thumbnail.Of(file, plan.Kind, hash);
        return null;
    }

    private async ValueTask<MediaResult<Thumbnail>> MakeAsync(
        string hash, MediaFile content, ThumbnailRequest asked, CancellationToken stop)
    {
        // Another size may have shown it while this one waited.
        if (_costly.Find(hash) is { } costly) return costly;
        using var work = await tool.OpenAsync(content, stop);
        if (HeaderOf(hash) is not { } image)
        {
            var (read, failed) = await tool.ReadAsync(work, content, stop);
            if (read is null) return Remember((hash, asked), failed);
            image = read;
            derived.KeepNote(hash, image.Line());
        }

        if (Known(hash, content, image, asked) is { } known) return known;
        var plan = ThumbnailPlan.Of(image, asked, options)!;
        var ran = await RunVipsAsync(work, plan, stop);
        return ran.IsOk && File.Exists(work.PathOf("made." + plan.Kind))
            ? Thumbnail.Of(derived.Keep(hash, plan.Name, work.PathOf("made." + plan.Kind)), plan.Kind, hash)
            : Remember((hash, asked), ran);
    }

    private MediaFailure Remember((string Hash, ThumbnailRequest Asked) key, ToolRun ran)
    {
        if (ran.WasEnded) _costly.Add(key.Hash, _noImage);
        else if (ran.End != ToolEnd.NotStarted) _failures.Add(key, _noImage);
        return _noImage;
    }

    private ValueTask<ToolRun> RunVipsAsync(WorkFolder work, ThumbnailPlan plan, CancellationToken stop)
    {
        var size = plan.Size!.Value;
        var quality = plan.Kind == "png" ? "strip" : "Q=80,strip";
        string[] command =
        [
            "vipsthumbnail", WorkFolder.Source + (plan.Moves ? "[n=-1]" : ""),
            "--size", $"{size.Width}x{size.Height}{(size.Crop && !plan.Moves ? "" : "!")}",
            "--export-profile", "srgb",
            "--output", $"made.{plan.Kind}[{quality}]",
            .. size.Crop && !plan.Moves ? ["--smartcrop", "centre"] : (string[])[],
        ];
        return tool.RunAsync(work, command, stop);
    }

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
