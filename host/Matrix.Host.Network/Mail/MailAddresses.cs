using System.Globalization;
using System.Net.Mail;

namespace Matrix.Host.Network.Mail;

/// <summary>Mail addresses as texts.</summary>
public static class MailAddresses
{
    private static readonly IdnMapping _idn = new();

    /// <summary>
    /// Whether a text is one address, without a display name. The framework's reader decides, so that asking loads no
    /// library, and addresses that accounts have stay addresses.
    /// </summary>
    public static bool IsAddress(string text) =>
        !text.Any(char.IsControl) && MailAddress.TryCreate(text, out var address) && address.Address == text;

    /// <summary>
    /// An address with its domain in one spelling: lower case, and as it is in the DNS. What is before the `@` means
    /// what the domain's own server says, so that it stays.
    /// </summary>
    public static string Canonical(string address)
    {
        var at = address.LastIndexOf('@');
        return at < 0 ? address : address[..(at + 1)] + Domain(address[(at + 1)..]);
    }

    /// <summary>
    /// The mailbox that an address most likely leads to, for limits: most servers ignore case, and what follows a `+`.
    /// </summary>
    public static string Mailbox(string address)
    {
        var canonical = Canonical(address);
        var at = canonical.LastIndexOf('@');
        if (at < 0) return canonical.ToLowerInvariant();
        var name = canonical[..at].Trim('"');
        var plus = name.IndexOf('+', StringComparison.Ordinal);
        return (plus > 0 ? name[..plus] : name).ToLowerInvariant() + canonical[at..];
    }

    private static string Domain(string domain)
    {
        var lower = domain.ToLowerInvariant();
        try
        {
            return _idn.GetAscii(lower).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            // An address in brackets, for example.
            return lower;
        }
    }
}
