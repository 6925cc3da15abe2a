namespace Matrix.Host.Media.Thumbnails;

/// <summary>Which thumbnail of an image a request gets.</summary>
/// <param name="Size">Its size; null for the image itself.</param>
/// <param name="Kind">Its format: `jpg`, `png` or `webp`.</param>
/// <param name="Moves">Whether it moves.</param>
internal sealed record ThumbnailPlan(ThumbnailSize? Size, string Kind, bool Moves)
{
    /// <summary>The name under which it is kept.</summary>
    internal string Name => $"{Size?.Width}x{Size?.Height}{(Size?.Crop == true ? "-crop" : "")}.{Kind}";

    /// <summary>The thumbnail of an image; null if the image has too many pixels.</summary>
    internal static ThumbnailPlan? Of(ImageHeader image, ThumbnailRequest asked, MediaOptions options)
    {
        var size = ThumbnailSize.Of(asked, image.Width, image.Height);
        var moves = asked.Animated && image.Moves && ImageFormats.MayMove(image.Format)
            && image.Pictures <= options.ThumbnailPictures
            && (size is not { Crop: true } cut || (long)cut.Width * image.Height == (long)cut.Height * image.Width);
        if ((long)image.Width * image.Height * (moves ? image.Pictures : 1) > options.ThumbnailPixels) return null;

        // The image itself, unless browsers may not show it as one, or it moves and must not.
        if (size is null && image.Format != ImageFormat.Avif && image.Moves == moves)
        {
            return new ThumbnailPlan(null, "", moves);
        }

        return new ThumbnailPlan(
            size ?? new ThumbnailSize(image.Width, image.Height, Crop: false),
            moves ? "webp" : image.HasAlpha ? "png" : "jpg",
            moves);
    }
}
