using Matrix.Host.Media.Thumbnails;

namespace Matrix.Host.Tests.Media;

/// <summary>The sizes of thumbnails. Client-Server API, "Thumbnails".</summary>
internal sealed class ThumbnailSizeTests
{
    [TestCase(4000, 3000, 320, 240, "320x240")]
    [TestCase(4000, 3000, 300, 200, "320x240", TestName = "Widths_are_rounded_up_to_few")]
    [TestCase(3000, 4000, 320, 240, "320x427", TestName = "A_thumbnail_is_smaller_than_asked_for_in_no_dimension")]
    [TestCase(4000, 100, 320, 240, null, TestName = "An_image_that_is_smaller_in_one_dimension_is_the_thumbnail")]
    [TestCase(320, 240, 320, 240, null)]
    [TestCase(310, 233, 300, 200, null, TestName = "An_image_that_is_hardly_larger_is_the_thumbnail")]
    [TestCase(4000, 3000, 5000, 5000, null)]
    [TestCase(525, 525, 320, 240, "320x320")]
    [TestCase(4000, 3000, 2000, 100, "2048x1536")]
    [TestCase(4000, 3000, 2049, 100, null, TestName = "Beyond_the_largest_width_the_image_is_the_thumbnail")]
    [TestCase(1, 1, 1, 1, null)]
    public void A_scaled_thumbnail_has_the_proportions_of_the_image(
        int width, int height, int askedWidth, int askedHeight, string? expected) =>
        Assert.That(SizeOf(width, height, askedWidth, askedHeight, crop: false), Is.EqualTo(expected));

    [TestCase(4000, 3000, 96, 96, "96x96")]
    [TestCase(4000, 3000, 90, 90, "96x96")]
    [TestCase(4000, 3000, 90, 45, "96x48")]
    [TestCase(4000, 50, 96, 96, "50x50", TestName = "A_thumbnail_is_never_larger_than_the_image")]
    [TestCase(50, 50, 96, 96, null)]
    [TestCase(50, 40, 96, 96, "40x40")]
    [TestCase(4000, 3000, 4000, 3000, null)]
    [TestCase(4000, 3000, 1000000, 1, null)]
    [TestCase(4000, 3000, 1, 1000000, null)]
    public void A_cropped_thumbnail_has_the_proportions_of_the_request(
        int width, int height, int askedWidth, int askedHeight, string? expected) =>
        Assert.That(SizeOf(width, height, askedWidth, askedHeight, crop: true), Is.EqualTo(expected));

    [TestCase("FFD8FFE0", ImageFormat.Jpeg)]
    [TestCase("89504E470D0A1A0A", ImageFormat.Png)]
    [TestCase("474946383961", ImageFormat.Gif)]
    [TestCase("524946460000000057454250", ImageFormat.Webp)]
    [TestCase("524946460000000057415645", ImageFormat.None, TestName = "A_WAVE_is_no_image")]
    [TestCase("0000002066747970617669660000", ImageFormat.Avif)]
    [TestCase("00000020667479706D703432", ImageFormat.None)]
    [TestCase("3C737667", ImageFormat.None, TestName = "SVG_is_not_decoded")]
    [TestCase("25504446", ImageFormat.None, TestName = "PDF_is_not_decoded")]
    [TestCase("", ImageFormat.None)]
    public void A_format_is_told_by_its_first_bytes(string start, object expected) =>
        Assert.That(ImageFormats.Of(Convert.FromHexString(start)), Is.EqualTo(expected));

    [Test]
    public void A_header_says_how_an_image_is_shown()
    {
        Assert.That(
            Read("x: 1x1\nwidth: 40\nheight: 30\nbands: 3\ninterpretation: srgb\n", "6\n"),
            Is.EqualTo(new ImageHeader(ImageFormat.Webp, 30, 40, 1, false, false)));
        Assert.That(
            Read("width: 40\nheight: 30\nbands: 4\ninterpretation: srgb\n", null, "7\n"),
            Is.EqualTo(new ImageHeader(ImageFormat.Webp, 40, 30, 7, true, true)));
        Assert.That(Read("width: 40\nheight: 30\nbands: 4\ninterpretation: cmyk\n")!.HasAlpha, Is.False);
        Assert.That(Read("width: 40\nheight: -3\n"), Is.Null);
        Assert.That(Read("vipsheader: not a known file format"), Is.Null);
    }

    [Test]
    public void A_text_in_an_image_is_no_field_of_its_header() =>
        Assert.That(Read("width: 40\nfilename: source\ncomment: x\nheight: 30\n"), Is.Null);

    [TestCase("width: 6\norientation: 1\n", ExpectedResult = false)]
    [TestCase("orientation: 4\nexif-ifd0-orientation: 6\n", ExpectedResult = false)]
    [TestCase("orientation: 6\n", ExpectedResult = true)]
    [TestCase("orientation: 1\ncomment: x\norientation: 8\n", ExpectedResult = true)]
    [TestCase("orientation: ?\n", ExpectedResult = true)]
    public bool A_field_is_asked_for_where_a_line_may_be_it(string basics) =>
        ImageHeader.MayHave(basics, "orientation", ImageHeader.FirstTurned);

    [Test]
    public void A_header_is_kept_as_a_line()
    {
        var header = new ImageHeader(ImageFormat.Gif, 30, 40, 7, true, true);

        Assert.That(ImageHeader.Parse(header.Line()), Is.EqualTo(header));
        Assert.That(ImageHeader.Parse(""), Is.Null);
        Assert.That(ImageHeader.Parse("Gif 1 1 x 0 0"), Is.Null);
    }

    private static ImageHeader? Read(string basics, string? orientation = null, string? pictures = null) =>
        ImageHeader.Read(ImageFormat.Webp, basics, orientation, pictures, moves: false);

    private static string? SizeOf(int width, int height, int askedWidth, int askedHeight, bool crop) =>
        ThumbnailSize.Of(new ThumbnailRequest(askedWidth, askedHeight, crop, false), width, height) is { } size
            ? $"{size.Width}x{size.Height}"
            : null;
}
