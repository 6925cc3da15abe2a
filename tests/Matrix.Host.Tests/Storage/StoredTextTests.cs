using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Tests.Storage;

/// <summary>Every text has one stored form, from which it is read back.</summary>
internal sealed class StoredTextTests
{
    private const string Characters = "\0\u0010\uD83E\uDD8A\uDFFFaF0D";

    [Test]
    public void Stored_forms_are_text_for_both_databases_and_give_the_text_back()
    {
        var random = new Random(7);
        var stored = new Dictionary<string, string>();
        for (var i = 0; i < 20_000; i++)
        {
            var text = string.Create(random.Next(12), random, static (chars, random) =>
            {
                for (var at = 0; at < chars.Length; at++) chars[at] = Characters[random.Next(Characters.Length)];
            });

            var form = StoredText.Encode(text);

            Assert.That(StoredText.Decode(form), Is.EqualTo(text));
            Assert.That(form, Does.Not.Contain('\0'));
            Assert.That(form.EnumerateRunes().Any(rune => rune.Value == 0xFFFD), Is.False, "no lone surrogate");
            if (stored.TryGetValue(form, out var other)) Assert.That(other, Is.EqualTo(text));
            stored[form] = text;
        }
    }

    [TestCase("plain")]
    [TestCase("🦊")]
    [TestCase("")]
    public void Ordinary_text_is_stored_as_it_is(string text) =>
        Assert.That(StoredText.Encode(text), Is.EqualTo(text));

    [TestCase("\u0010")]
    [TestCase("a\u0010b")]
    [TestCase("\u0010ffff")]
    [TestCase("\u0010 00")]
    public void An_escape_character_of_an_older_database_stays(string stored) =>
        Assert.That(StoredText.Decode(stored), Is.EqualTo(stored));
}
