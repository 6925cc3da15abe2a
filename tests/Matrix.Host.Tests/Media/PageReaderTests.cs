using System.Text;
using Matrix.Host.Media.Previews;
using Microsoft.Net.Http.Headers;

namespace Matrix.Host.Tests.Media;

/// <summary>What is read from pages.</summary>
internal sealed class PageReaderTests
{
    private static readonly MediaTypeHeaderValue _html = new("text/html");

    private static string Written(string html) =>
        Encoding.UTF8.GetString(PreviewBody.Write(PageReader.Read(html), null, ""));

    [TestCase("<title>A\n  title &amp; more</title>", """{"og:title":"A title \u0026 more"}""")]
    [TestCase("<title>a<b>c</title><h1>h</h1>", """{"og:title":"a\u003Cb\u003Ec"}""")]
    [TestCase("<h1>A <i>heading</i></h1>", """{"og:title":"A heading"}""")]
    [TestCase("<meta name=twitter:title content=T><title>x</title>", """{"og:title":"T"}""")]
    [TestCase("<META NAME='Description' CONTENT='D'>", """{"og:description":"D"}""")]
    [TestCase("<p>One.<p>Two.</p><script>'<p>x'</script>", """{"og:description":"One. Two."}""")]
    [TestCase("<script>'<title>x</title>'</script><!--<title>y</title>-->", "{}")]
    [TestCase("<textarea><title>x</title></textarea><style><title>y</title></style>", "{}")]
    [TestCase("<meta property=og:image content=x><meta property=og:image:alt content=A>", """{"og:image:alt":"A"}""")]
    [TestCase("<meta property=og:title content=' '><title>T</title>", """{"og:title":"T"}""")]
    [TestCase("<meta property=og:type content=a><meta property=og:type content=b>", """{"og:type":"a"}""")]
    [TestCase("", "{}")]
    public void A_preview_says_what_the_page_says(string html, string expected) =>
        Assert.That(Written(html), Is.EqualTo(expected));

    [Test]
    public void Long_texts_are_cut_between_characters()
    {
        var title = PageReader.Read($"<title>x{string.Concat(Enumerable.Repeat("\U0001F600", 2000))}</title>").Title!;

        Assert.That(title, Has.Length.LessThanOrEqualTo(PageFacts.LongestText));
        Assert.That(title, Does.EndWith("\U0001F600…"));
    }

    [Test]
    public void Images_are_tried_in_the_order_of_what_they_say_of_the_page()
    {
        var facts = PageReader.Read(
            "<link rel='shortcut icon' href=i><link rel=image_src href=l><meta name=twitter:image content=t>"
            + "<meta itemprop=image content=p><meta property=og:image content=o>");

        Assert.That(facts.Images(), Is.EqualTo(new[] { "o", "t", "p", "l", "i" }));
    }

    [TestCase("windows-1252", null, "text/html; charset=windows-1252")]
    [TestCase("utf-8", null, "text/html; charset=UTF-8")]
    [TestCase("iso-8859-15", "iso-8859-15", "text/html")]
    [TestCase("shift_jis", "shift_jis", "text/html; charset=nonsense")]
    [TestCase("utf-8", null, "text/html")]
    [TestCase("utf-8", "utf-16", "text/html")]
    public void A_page_has_the_encoding_that_it_names(string encoding, string? meta, string type)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var word = encoding == "shift_jis" ? "日本" : "Größe";
        var html = (meta is null ? "" : $"<meta http-equiv=x content=\"text/html; charset={meta}\">") + word;

        var text = PageText.Decode(Encoding.GetEncoding(encoding).GetBytes(html), MediaTypeHeaderValue.Parse(type));

        Assert.That(text, Does.EndWith(word));
    }

    [Test]
    public void A_byte_order_mark_decides()
    {
        Assert.That(PageText.Decode([0xFE, 0xFF, 0, (byte)'a'], _html), Is.EqualTo("a"));
        Assert.That(PageText.Decode([0xFF, 0xFE, (byte)'a', 0], _html), Is.EqualTo("a"));
        Assert.That(PageText.Decode([0xEF, 0xBB, 0xBF, (byte)'a'], _html), Is.EqualTo("a"));
    }

    [TestCase("<div>", TestName = "Deep_elements")]
    [TestCase("<p>", TestName = "Open_paragraphs")]
    [TestCase("<meta property=og:a content=b>", TestName = "Many_properties")]
    [TestCase("</titl", TestName = "Half_tags")]
    [TestCase("<", TestName = "Nothing_but_the_start_of_tags")]
    public void A_page_may_repeat_one_thing_to_its_end(string part)
    {
        var page = "<title>T</title>" + string.Concat(Enumerable.Repeat(part, (1 << 20) / part.Length));

        var facts = PageReader.Read(page);

        Assert.That(facts.Title, Is.EqualTo("T"));
    }
}
