namespace Matrix.Host.Media.Thumbnails;

/// <summary>The formats of images of which thumbnails are made.</summary>
internal enum ImageFormat
{
    /// <summary>Another format, or no image.</summary>
    None,

    /// <summary>JPEG.</summary>
    Jpeg,

    /// <summary>PNG.</summary>
    Png,

    /// <summary>GIF, which may be animated.</summary>
    Gif,

    /// <summary>WebP, which may be animated.</summary>
    Webp,

    /// <summary>AVIF.</summary>
    Avif,
}

/// <summary>Tells formats by the first bytes: the type that a content was uploaded with may be wrong.</summary>
internal static class ImageFormats
{
    /// <summary>The bytes that are needed.</summary>
    internal const int Needed = 16;

    /// <summary>The format of a content that begins so.</summary>
    internal static ImageFormat Of(ReadOnlySpan<byte> start) =>
        start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]) ? ImageFormat.Jpeg
        : start.StartsWith((ReadOnlySpan<byte>)[0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
            ? ImageFormat.Png
        : start.StartsWith("GIF87a"u8) || start.StartsWith("GIF89a"u8) ? ImageFormat.Gif
        : start.Length >= 12 && start.StartsWith("RIFF"u8) && start[8..12].SequenceEqual("WEBP"u8) ? ImageFormat.Webp
        : start.Length >= 12 && start[4..8].SequenceEqual("ftyp"u8)
            && (start[8..12].SequenceEqual("avif"u8) || start[8..12].SequenceEqual("avis"u8)) ? ImageFormat.Avif
        : ImageFormat.None;

    /// <summary>The media type of a format.</summary>
    internal static string TypeOf(ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => "image/jpeg",
        ImageFormat.Png => "image/png",
        ImageFormat.Gif => "image/gif",
        ImageFormat.Webp => "image/webp",
        ImageFormat.Avif => "image/avif",
        _ => "application/octet-stream",
    };

    /// <summary>Whether images of a format may be animated. Animated PNGs are shown as their first picture.</summary>
    internal static bool MayMove(ImageFormat format) => format is ImageFormat.Gif or ImageFormat.Webp;
}
