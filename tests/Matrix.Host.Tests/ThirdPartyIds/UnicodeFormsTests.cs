using Matrix.Host.Crypto.Unicode;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>One form for all spellings of an address.</summary>
public sealed class UnicodeFormsTests
{
    [TestCase("Alice", "alice")]
    [TestCase("RENE\u0301", "ren\u00E9")]
    [TestCase("Ren\u00C9", "ren\u00E9")]
    [TestCase("\u212B", "\u00E5")]
    [TestCase("STRA\u1E9EE", "strasse")]
    [TestCase("\uFB01sh", "fish")]
    [TestCase("\u0149", "\u02BCn")]
    [TestCase("\u03A3\u03C2", "\u03C3\u03C3")]
    [TestCase("\u1112\u1161\u11AB\u1100\u1173\u11AF", "\uD55C\uAE00")]
    [TestCase("\uD55C\uAE00", "\uD55C\uAE00")]
    [TestCase("a\u0315\u0300", "\u00E0\u0315")]
    [TestCase("a\u0328\u0301", "\u0105\u0301")]
    [TestCase("a\u0301\u0301", "\u00E1\u0301")]
    [TestCase("\u0301a", "\u0301a")]
    [TestCase("\u0958", "\u0915\u093C")]
    [TestCase("\u0390", "\u0390")]
    [TestCase("\uD801\uDC00", "\uD801\uDC28")]
    [TestCase("\uD834\uDD5E", "\uD834\uDD57\uD834\uDD65")]
    public void Spellings_of_one_text_have_one_form(string text, string form)
    {
        Assert.That(UnicodeForms.Fold(text), Is.EqualTo(form));
        Assert.That(UnicodeForms.Fold(form), Is.EqualTo(form));
    }

    [TestCase("Rene\u0301@exa\u0308mple.org", "ren\u00E9@xn--exmple-cua.org")]
    [TestCase("REN\u00C9@EX\u00C4MPLE.org", "ren\u00E9@xn--exmple-cua.org")]
    public void Spellings_of_one_address_are_one_address(string text, string address) =>
        Assert.That(ThirdPartyId.OfEmail(text)?.Address, Is.EqualTo(address));
}
