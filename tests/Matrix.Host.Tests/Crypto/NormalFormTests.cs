using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Crypto.Unicode;

namespace Matrix.Host.Tests.Crypto;

/// <summary>NFKC is Python's, of which `tools/unicode/vectors.py` prints the digests.</summary>
internal sealed class NormalFormTests
{
    /// <summary>Where sequences take their characters, as in the script.</summary>
    private static readonly (int First, int Last)[] _ranges =
    [
        (0x41, 0x17F), (0x300, 0x36F), (0x370, 0x3FF), (0x591, 0x5C7), (0x600, 0x6FF), (0x900, 0x9FF), (0xB40, 0xD60),
        (0xE30, 0xECF), (0xF40, 0xFC6), (0x1100, 0x11FF), (0x1B05, 0x1B44), (0x1E00, 0x1FFF), (0x2100, 0x21FF),
        (0x3040, 0x30FF), (0x3131, 0x33FF), (0xAC00, 0xAC40), (0xF900, 0xFB4F), (0xFDF0, 0xFE2F), (0xFF00, 0xFFEE),
        (0x11099, 0x110BA), (0x11347, 0x1134D), (0x1D157, 0x1D1AD), (0x1D400, 0x1D460), (0x1F100, 0x1F2FF),
    ];

    private static IEnumerable<string> Characters() =>
        Enumerable.Range(0, 0x110000).Where(Rune.IsValid).Select(char.ConvertFromUtf32);

    private static IEnumerable<string> Sequences()
    {
        var at = 1u;
        uint Next() => at = ((at * 1103515245u) + 12345u) & 0x7FFFFFFF;
        for (var i = 0; i < 100_000; i++)
        {
            var text = new StringBuilder();
            for (var j = 0; j < 6; j++)
            {
                var (first, last) = _ranges[(Next() >> 16) % _ranges.Length];
                text.Append(char.ConvertFromUtf32(first + (int)((Next() >> 8) % (last - first + 1))));
            }

            yield return text.ToString();
        }
    }

    private static string DigestOf(IEnumerable<string> texts)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in texts) digest.AppendData(Encoding.UTF8.GetBytes(UnicodeForms.Nfkc(text) + "\n"));
        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }

    [Test]
    public void Every_character_has_its_form() => Assert.That(
        DigestOf(Characters()), Is.EqualTo("228491a2d94c981f2d77de50fa5b4970971e5b91780f852377eb653b124b244d"));

    [Test]
    public void Every_character_has_its_form_between_a_letter_and_marks() => Assert.That(
        DigestOf(Characters().Select(static character => $"a{character}\u0301\u0316")),
        Is.EqualTo("f858bb2a611944a6122ae2ef6c321a2527afdddee6a4b7fb704abfa00d4972a7"));

    [Test]
    public void Sequences_of_letters_marks_and_parts_have_their_form() => Assert.That(
        DigestOf(Sequences()), Is.EqualTo("c9a650fcf14f0076b90e0e33894fee354144c168b230fe0c7fd7f84fddc07f32"));

    [TestCase("\uFB01sh", "fish")]
    [TestCase("cafe\u0301", "caf\u00E9")]
    [TestCase("caf\u00E9", "caf\u00E9")]
    [TestCase("\uFF21\u2460", "A1")]
    public void A_text_has_its_form(string text, string form) =>
        Assert.That(UnicodeForms.Nfkc(text), Is.EqualTo(form));

    [Test]
    public void Half_of_a_character_is_replaced() =>
        Assert.That(UnicodeForms.Nfkc("a\uD800b"), Is.EqualTo("a\uFFFDb"));
}
