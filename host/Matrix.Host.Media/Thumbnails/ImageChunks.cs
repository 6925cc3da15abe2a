using System.Buffers.Binary;
using System.Text;
using Matrix.Host.Media.Store;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// Looks into the chunks of a PNG and the boxes of an AVIF for what the tools of libvips do not tell.
/// </summary>
internal static class ImageChunks
{
    /// <summary>The first bytes of an image in which its chunks and boxes are looked for.</summary>
    private const int Looked = 256 << 10;

    private const int PngSignature = 8;

    /// <summary>A chunk has its length, its name and a checksum.</summary>
    private const int PngFrame = 12;

    /// <summary>A box has its length and its name.</summary>
    private const int BoxHeader = 8;

    /// <summary>The items of an AVIF that are decoded or ignored: AV1, compositions of it, and notes.</summary>
    private static readonly HashSet<string> _items = new(StringComparer.Ordinal)
    {
        "av01", "grid", "iovl", "iden", "Exif", "mime", "uri ", "tmap",
    };

    /// <summary>Whether an image of a format is what its first bytes say, and whether it is an animated PNG.</summary>
    internal static async ValueTask<(bool IsValid, bool Moves)> ScanAsync(
        MediaFile content, ImageFormat format, CancellationToken stop)
    {
        if (format is not (ImageFormat.Png or ImageFormat.Avif)) return (true, false);
        var start = new byte[(int)Math.Min(Looked, content.Length)];
        await using var stream = await content.OpenAsync(0, start.Length, stop);
        var read = await stream.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, stop);
        return format == ImageFormat.Png
            ? (true, MovesPng(start.AsSpan(0, read)))
            : (IsAv1(start.AsSpan(0, read)), false);
    }

    /// <summary>Whether a PNG has the chunk of animations before its first picture.</summary>
    internal static bool MovesPng(ReadOnlySpan<byte> png)
    {
        for (var rest = png.Length < PngSignature ? default : png[PngSignature..]; rest.Length >= PngFrame;)
        {
            var name = rest[4..8];
            if (name.SequenceEqual("acTL"u8)) return true;
            var length = BinaryPrimitives.ReadUInt32BigEndian(rest) + PngFrame;
            if (name.SequenceEqual("IDAT"u8) || length > rest.Length) return false;
            rest = rest[(int)length..];
        }

        return false;
    }

    /// <summary>
    /// Whether all pictures of an AVIF are AV1. The library also decodes other formats that have the same container.
    /// </summary>
    internal static bool IsAv1(ReadOnlySpan<byte> file)
    {
        if (Find(file, "meta"u8) is not { IsEmpty: false } meta || meta.Length < 4) return false;
        if (Find(meta[4..], "iinf"u8) is not { Length: >= 6 } items) return false;

        // Version 0 counts the items with two bytes, others with four.
        var rest = items[(items[0] == 0 ? 6 : 8)..];
        var pictures = 0;
        while (Next(ref rest, out var name, out var entry))
        {
            if (!name.SequenceEqual("infe"u8) || entry.Length < 12 || entry[0] is not (2 or 3)) return false;

            // Version 2 has the item's number in two bytes, version 3 in four; two of protection follow.
            var at = entry[0] == 2 ? 8 : 10;
            var type = entry.Length >= at + 4 ? Encoding.Latin1.GetString(entry.Slice(at, 4)) : "";
            if (!_items.Contains(type)) return false;
            if (type == "av01") pictures++;
        }

        return pictures > 0;
    }

    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> boxes, scoped ReadOnlySpan<byte> wanted)
    {
        var rest = boxes;
        while (Next(ref rest, out var name, out var content))
        {
            if (name.SequenceEqual(wanted)) return content;
        }

        return default;
    }

    private static bool Next(
        scoped ref ReadOnlySpan<byte> boxes, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> content)
    {
        name = content = default;
        if (boxes.Length < BoxHeader) return false;
        var length = BinaryPrimitives.ReadUInt32BigEndian(boxes);
        if (length < BoxHeader || length > boxes.Length) return false;
        name = boxes[4..8];
        content = boxes[BoxHeader..(int)length];
        boxes = boxes[(int)length..];
        return true;
    }
}
