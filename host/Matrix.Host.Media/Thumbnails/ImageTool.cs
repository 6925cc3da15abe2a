using Matrix.Host.Media.Store;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>Reads what images are, and what a preview and a thumbnail need of them.</summary>
public sealed class ImageTool(
    DerivedFiles derived, MediaOptions options, TimeProvider time, ILogger<ImageTool> log) : IDisposable
{
    private readonly VipsTool _vips = new(options, time, log);

    /// <summary>What is known of an image before it is decoded; null if it is none, or the tool is missing.</summary>
    internal async ValueTask<ImageHeader?> ReadAsync(MediaFile content, CancellationToken stop)
    {
        using var work = await OpenAsync(content, stop).ConfigureAwait(false);
        return await ReadAsync(work, content, stop).ConfigureAwait(false);
    }

    /// <summary>The same of the image in a folder.</summary>
    internal async ValueTask<ImageHeader?> ReadAsync(WorkFolder work, MediaFile content, CancellationToken stop)
    {
        var format = await FormatAsync(content, stop).ConfigureAwait(false);
        if (format == ImageFormat.None) return null;
        var (isValid, moves) = await ImageChunks.LookAsync(content, format, stop).ConfigureAwait(false);
        if (!isValid || await HeaderAsync("-a").ConfigureAwait(false) is not { } basics) return null;

        // Asked for by name: a text in the image may look like a line of `-a`.
        var orientation = format == ImageFormat.Gif
            ? null
            : await HeaderAsync("-f", "orientation").ConfigureAwait(false);
        var pictures = ImageFormats.MayMove(format) ? await HeaderAsync("-f", "n-pages").ConfigureAwait(false) : null;
        return ImageHeader.Read(format, basics, orientation, pictures, moves);

        ValueTask<string?> HeaderAsync(params string[] arguments) =>
            RunAsync(work, ["vipsheader", .. arguments, WorkFolder.Source], stop);
    }

    /// <inheritdoc/>
    public void Dispose() => _vips.Dispose();

    /// <summary>Makes a folder with an image in it.</summary>
    internal ValueTask<WorkFolder> OpenAsync(MediaFile content, CancellationToken stop) =>
        WorkFolder.OpenAsync(derived, content, stop);

    /// <summary>Runs a tool in a folder. Returns its output; null if it failed.</summary>
    internal async ValueTask<string?> RunAsync(
        WorkFolder work, IReadOnlyList<string> command, CancellationToken stop) =>
        await _vips.RunAsync(work, command, stop).ConfigureAwait(false) is { ExitCode: 0 } ran
            ? ran.Output
            : null;

    /// <summary>The format of a content.</summary>
    internal static async ValueTask<ImageFormat> FormatAsync(MediaFile content, CancellationToken stop)
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
}
