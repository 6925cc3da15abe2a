using System.Buffers.Binary;
using System.Text;
using Matrix.Host.Media.Thumbnails;

namespace Matrix.Host.Tests.Media;

/// <summary>What the chunks of a PNG and the boxes of an AVIF tell.</summary>
internal sealed class ImageChunksTests
{
    [Test]
    public void An_animated_PNG_has_its_chunk_before_the_picture()
    {
        byte[] still = [.. new byte[8], .. Chunk("IHDR", 13), .. Chunk("IDAT", 9), .. Chunk("acTL", 8)];
        byte[] moving = [.. new byte[8], .. Chunk("IHDR", 13), .. Chunk("tEXt", 3), .. Chunk("acTL", 8)];

        Assert.That(ImageChunks.MovesPng(still), Is.False);
        Assert.That(ImageChunks.MovesPng(moving), Is.True);
        Assert.That(ImageChunks.MovesPng(moving.AsSpan(0, 20)), Is.False);
        Assert.That(ImageChunks.MovesPng([]), Is.False);
        Assert.That(ImageChunks.MovesPng([.. new byte[8], 0xFF, 0xFF, 0xFF, 0xFF, .. new byte[20]]), Is.False);
    }

    [TestCase(true, "av01")]
    [TestCase(true, "av01", "Exif")]
    [TestCase(true, "grid", "av01", "av01")]
    [TestCase(false, "hvc1")]
    [TestCase(false, "av01", "hvc1")]
    [TestCase(false, "grid")]
    [TestCase(false)]
    public void Only_AV1_is_taken_for_AVIF(bool expected, params string[] items)
    {
        byte[] entries = [.. items.SelectMany(
            type => Box("infe", [2, 0, 0, 0, 0, 1, 0, 0, .. Encoding.ASCII.GetBytes(type)]))];
        var all = Box("iinf", [0, 0, 0, 0, 0, (byte)items.Length, .. entries]);
        byte[] file = [.. Box("ftyp", "avif"u8.ToArray()), .. Box("meta", [0, 0, 0, 0, .. Box("hdlr", []), .. all])];

        Assert.That(ImageChunks.IsAv1(file), Is.EqualTo(expected));
    }

    [Test]
    public async Task A_real_AVIF_is_one() =>
        Assert.That(ImageChunks.IsAv1(await TestImages.MakeAsync("avif", 64, 48)), Is.True);

    private static byte[] Chunk(string name, int length) =>
        [.. Number(length), .. Encoding.ASCII.GetBytes(name), .. new byte[length + 4]];

    private static byte[] Box(string name, byte[] content) =>
        [.. Number(content.Length + 8), .. Encoding.ASCII.GetBytes(name), .. content];

    private static byte[] Number(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }
}
