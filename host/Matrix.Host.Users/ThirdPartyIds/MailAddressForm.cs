using System.Text;
using Matrix.Host.Network.Mail;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>The canonical form of mail addresses. Appendices, "E-Mail".</summary>
internal static class MailAddressForm
{
    private const int Longest = 254;

    /// <summary>
    /// The address with its case folded and its domain as in the DNS; null if the text is no address.
    /// </summary>
    internal static string? Canonical(string text)
    {
        var trimmed = text.Trim();
        if (trimmed.Length is 0 or > Longest || !MailAddresses.IsAddress(trimmed)) return null;
        var canonical = MailAddresses.Canonical(Fold(trimmed));
        return canonical.Length <= Longest && MailAddresses.IsAddress(canonical) ? canonical : null;
    }

    /// <summary>
    /// Unicode case folding. The framework maps one character to one; those that fold to several, and occur in
    /// addresses, are the sharp s and the Latin ligatures.
    /// </summary>
    private static string Fold(string text)
    {
        if (Ascii.IsValid(text)) return text.ToLowerInvariant();
        var folded = new StringBuilder(text.Length + 2);
        foreach (var c in text.Normalize(NormalizationForm.FormC))
        {
            if (c is 'ß' or 'ẞ') folded.Append("ss");
            else if (c is >= '\uFB00' and <= '\uFB06') folded.Append(c.ToString().Normalize(NormalizationForm.FormKC));
            else folded.Append(char.ToLowerInvariant(char.ToUpperInvariant(c)));
        }

        return folded.ToString();
    }
}
