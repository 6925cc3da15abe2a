using System.Globalization;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>What is known of an image before it is decoded.</summary>
/// <param name="Width">Pixels of one picture, as it is shown.</param>
/// <param name="Height">The same.</param>
/// <param name="Pictures">The pictures of an animation; 1 for a still image.</param>
/// <param name="HasAlpha">Whether it may be transparent.</param>
internal sealed record ImageHeader(int Width, int Height, int Pictures, bool HasAlpha)
{
    /// <summary>Cameras turn images by these values of EXIF's `Orientation`.</summary>
    private const int FirstTurned = 5;

    /// <summary>Reads the output of `vipsheader -a`; null if it is not one.</summary>
    internal static ImageHeader? Read(string output)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in output.Split('\n'))
        {
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (colon > 0) fields.TryAdd(line[..colon], line[(colon + 2)..].Trim());
        }

        if (Number("width") is not (> 0 and int width) || Number("height") is not (> 0 and int height)) return null;
        var isTurned = Number("orientation") >= FirstTurned;
        var isColoured = fields.GetValueOrDefault("interpretation") != "cmyk";
        return new ImageHeader(
            isTurned ? height : width,
            isTurned ? width : height,
            Math.Max(1, Number("n-pages") ?? 1),
            Number("bands") is 2 || (Number("bands") is 4 && isColoured));

        int? Number(string name) =>
            fields.TryGetValue(name, out var text)
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }
}
