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
        using var work = await OpenAsync(content, stop);
        return (await ReadAsync(work, content, stop)).Header;
    }

    /// <summary>The same of the image in a folder, with the run of a tool that did not tell it.</summary>
    internal async ValueTask<(ImageHeader? Header, ToolRun Failed)> ReadAsync(
        WorkFolder work, MediaFile content, CancellationToken stop)
    {
        var format = await FormatAsync(content, stop);
        if (format == ImageFormat.None) return default;
        var (isValid, moves) = await ImageChunks.ScanAsync(content, format, stop);
        if (!isValid) return default;
        var basics = await HeaderAsync("-a");
        if (!basics.IsOk) return (null, basics);

        var orientation = format == ImageFormat.Gif
            ? null
            : await FieldAsync("orientation", ImageHeader.FirstTurned);
        if (orientation is { WasEnded: true } slow) return (null, slow);
        var pictures = ImageFormats.MayMove(format)
            ? await FieldAsync("n-pages", 2)
            : null;
        if (pictures is { WasEnded: true } slower) return (null, slower);
        return (ImageHeader.Read(format, basics.Output, OutputOf(orientation), OutputOf(pictures), moves), default);

        // Asked for by name, because a text in the image may look like a line of `-a`; but only where one of these
        // lines has a number that matters, because each question is a process.
        async ValueTask<ToolRun?> FieldAsync(string name, int least) =>
            basics.IsCut || ImageHeader.MayHave(basics.Output, name, least)
                ? await HeaderAsync("-f", name)
                : null;

        ValueTask<ToolRun> HeaderAsync(params string[] arguments) =>
            RunAsync(work, ["vipsheader", .. arguments, WorkFolder.Source], stop);

        static string? OutputOf(ToolRun? ran) => ran is { IsOk: true } told ? told.Output : null;
    }

    /// <summary>Finds out how images are decoded here, and logs what is missing.</summary>
    public async ValueTask CheckAsync(CancellationToken stop) =>
        await _vips.FindIsolationAsync(stop);

    /// <inheritdoc/>
    public void Dispose() => _vips.Dispose();

    /// <summary>Makes a folder with an image in it.</summary>
    internal ValueTask<WorkFolder> OpenAsync(MediaFile content, CancellationToken stop) =>
        WorkFolder.OpenAsync(derived, content, stop);

    /// <summary>Runs a tool in a folder.</summary>
    internal ValueTask<ToolRun> RunAsync(WorkFolder work, IReadOnlyList<string> command, CancellationToken stop) =>
        _vips.RunAsync(work, command, stop);

    /// <summary>The format of a content.</summary>
    internal static async ValueTask<ImageFormat> FormatAsync(MediaFile content, CancellationToken stop)
    {
        var start = new byte[ImageFormats.Needed];
        await using var stream = await content.OpenAsync(0, Math.Min(start.Length, content.Length), stop);
        var read = await stream.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, stop);
        return ImageFormats.Of(start.AsSpan(0, read));
    }
}
