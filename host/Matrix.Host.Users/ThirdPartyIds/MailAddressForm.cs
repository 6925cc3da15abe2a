using Matrix.Host.Crypto.Unicode;
using Matrix.Host.Network.Mail;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>The canonical form of mail addresses. v1.19 appendices#e-mail</summary>
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
        var canonical = MailAddresses.Canonical(UnicodeForms.Fold(trimmed));
        return canonical.Length <= Longest && MailAddresses.IsAddress(canonical) ? canonical : null;
    }
}
