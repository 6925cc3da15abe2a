namespace Matrix.Host.Media.Thumbnails;

/// <summary>A request for a thumbnail. v1.19 client-server-api#thumbnails</summary>
/// <param name="Width">The least width, in pixels.</param>
/// <param name="Height">The least height.</param>
/// <param name="Crop">Whether the thumbnail has the proportions of the request; otherwise those of the image.</param>
/// <param name="Animated">Whether it may move.</param>
public sealed record ThumbnailRequest(int Width, int Height, bool Crop, bool Animated);

/// <summary>The size of a thumbnail.</summary>
/// <param name="Crop">Whether the middle is cut out.</param>
internal readonly record struct ThumbnailSize(int Width, int Height, bool Crop)
{
    /// <summary>
    /// The widths that thumbnails have. A request gets the next larger one, so that one image does not have a thumbnail
    /// for each size that some client thinks of; a larger request gets the image itself.
    /// </summary>
    private static readonly int[] _widths =
        [16, 32, 48, 64, 96, 128, 192, 256, 320, 480, 640, 800, 1024, 1280, 1600, 2048];

    /// <summary>
    /// The size of the thumbnail of an image: never larger than the image, and smaller than the request in neither
    /// dimension, unless the image is. Null if that is the image's own size.
    /// </summary>
    internal static ThumbnailSize? Of(ThumbnailRequest request, int width, int height)
    {
        if (!request.Crop)
        {
            var least = Math.Max(request.Width, Quotient((long)width * request.Height, height));
            return Next(least) is { } wide && wide < width
                ? new ThumbnailSize(wide, Quotient((long)height * wide, width), Crop: false)
                : null;
        }

        // The proportions are those of the request, and the image must have as many pixels each way.
        if (Next(request.Width) is not { } rounded || Next(request.Height) is null) return null;
        var most = Math.Min((double)width / request.Width, (double)height / request.Height);
        var growth = Math.Min(most, (double)rounded / request.Width);
        var size = new ThumbnailSize(
            Math.Clamp((int)Math.Round(request.Width * growth), 1, width),
            Math.Clamp((int)Math.Round(request.Height * growth), 1, height),
            Crop: true);
        return size.Width == width && size.Height == height ? null : size;
    }

    /// <summary>The next larger width; null if there is none.</summary>
    private static int? Next(int width)
    {
        var at = Array.BinarySearch(_widths, width);
        return at >= 0 ? width : ~at < _widths.Length ? _widths[~at] : null;
    }

    /// <summary>Rounded up.</summary>
    private static int Quotient(long dividend, int divisor) =>
        (int)Math.Min((dividend + divisor - 1) / divisor, int.MaxValue);
}
