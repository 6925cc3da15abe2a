using System.Globalization;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>What is known of an image before it is decoded.</summary>
/// <param name="Width">Pixels of one picture, as it is shown.</param>
/// <param name="Height">The same.</param>
/// <param name="Pictures">The pictures of an animation; 1 for a still image, and for an animated PNG.</param>
/// <param name="HasAlpha">Whether it may be transparent.</param>
/// <param name="Moves">Whether it is an animation.</param>
internal sealed record ImageHeader(
    ImageFormat Format, int Width, int Height, int Pictures, bool HasAlpha, bool Moves)
{
    /// <summary>From this value on, EXIF's `Orientation` turns an image by a quarter.</summary>
    internal const int FirstTurned = 5;

    /// <summary>Reads the output of `vipsheader`; null if it is not one.</summary>
    /// <param name="format">The image's format.</param>
    /// <param name="basics">The output of `-a`.</param>
    /// <param name="orientation">The output of `-f orientation`; null if it has none.</param>
    /// <param name="pictures">The output of `-f n-pages`; null if it has none.</param>
    /// <param name="moves">Whether it is an animated PNG, which the tool does not tell.</param>
    internal static ImageHeader? Read(
        ImageFormat format, string basics, string? orientation, string? pictures, bool moves)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in basics.Split('\n'))
        {
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (colon <= 0) continue;

            // What follows is the image's: a text in it may look like other fields.
            if (line.StartsWith("filename: ", StringComparison.Ordinal)) break;
            fields.TryAdd(line[..colon], line[(colon + 2)..]);
        }

        if (NumberOf("width") is not (> 0 and int width) || NumberOf("height") is not (> 0 and int height)) return null;
        var isTurned = Number(orientation) >= FirstTurned;
        var isColoured = fields.GetValueOrDefault("interpretation") != "cmyk";
        var count = Math.Max(1, Number(pictures) ?? 1);
        return new ImageHeader(
            format,
            isTurned ? height : width,
            isTurned ? width : height,
            count,
            NumberOf("bands") is 2 || (NumberOf("bands") is 4 && isColoured),
            moves || count > 1);

        int? NumberOf(string name) => Number(fields.GetValueOrDefault(name));
    }

    /// <summary>
    /// Whether a line of `-a` gives a field a number of at least <paramref name="least"/>. Such a line may be a text in
    /// the image; but a field that the image has is always among the lines.
    /// </summary>
    internal static bool MayHave(string basics, string name, int least)
    {
        foreach (var line in basics.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(name) && line[name.Length..].StartsWith(": ")
                && (Number(line[(name.Length + 2)..]) is not { } number || number >= least)) return true;
        }

        return false;
    }

    /// <summary>A header that was kept; null if it is none.</summary>
    internal static ImageHeader? Parse(string line)
    {
        var parts = line.Split(' ');
        return parts.Length == 6
            && Enum.TryParse<ImageFormat>(parts[0], out var format)
            && Number(parts[1]) is { } width
            && Number(parts[2]) is { } height
            && Number(parts[3]) is { } pictures
            ? new ImageHeader(format, width, height, pictures, parts[4] == "1", parts[5] == "1")
            : null;
    }

    /// <summary>The header in one line, to be kept.</summary>
    internal string Line() => string.Create(
        CultureInfo.InvariantCulture, $"{Format} {Width} {Height} {Pictures} {(HasAlpha ? 1 : 0)} {(Moves ? 1 : 0)}");

    private static int? Number(ReadOnlySpan<char> text) =>
        int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
