using System.IO.Pipelines;
using Matrix.Host.Media.Store;
using Matrix.Host.Media.Thumbnails;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Media.Previews;

/// <summary>Receives the images of previews. Only formats of which thumbnails are made are taken.</summary>
public sealed class PreviewImages(MediaSpool spool, ImageTool tool, MediaOptions options)
{
    /// <summary>Receives an image; null if the response is none, or too large.</summary>
    /// <exception cref="IOException">It did not arrive completely.</exception>
    internal async ValueTask<PreviewImage?> ReceiveAsync(OpenReply reply)
    {
        if (reply.Length > options.PreviewImageBytes) return null;
        var file = await spool.ReceiveAsync(PipeReader.Create(reply.Body), options.PreviewImageBytes, reply.Ends);
        if (file is null) return null;
        var isTaken = false;
        try
        {
            var content = new LocalFile(file.Path, file.Size);
            var format = await ImageTool.FormatAsync(content, reply.Ends);
            if (format == ImageFormat.None) return null;
            var header = await tool.ReadAsync(content, reply.Ends);
            isTaken = true;
            return new PreviewImage(file, ImageFormats.TypeOf(format), header?.Width, header?.Height);
        }
        finally
        {
            if (!isTaken) file.Dispose();
        }
    }
}

/// <summary>The image of a preview, in a temporary file.</summary>
/// <param name="Width">Pixels; null if they are not known.</param>
/// <param name="Height">The same.</param>
internal sealed record PreviewImage(SpooledFile File, string ContentType, int? Width, int? Height) : IDisposable
{
    public void Dispose() => File.Dispose();
}
