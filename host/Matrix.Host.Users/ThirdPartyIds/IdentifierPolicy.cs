using System.Text.RegularExpressions;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>Which addresses and phone numbers accounts may have, as the operator says.</summary>
public sealed class IdentifierPolicy(ThirdPartyIdOptions options)
{
    private static readonly TimeSpan _matchTime = TimeSpan.FromSeconds(1);

    private readonly Regex[] _addresses =
    [
        .. options.AllowedAddresses.Select(static glob => new Regex(
            $"^{Regex.Escape(glob.ToLowerInvariant()).Replace("\\*", ".*", StringComparison.Ordinal)}$",
            RegexOptions.CultureInvariant | RegexOptions.NonBacktracking,
            _matchTime)),
    ];

    /// <summary>Whether an account may have the identifier.</summary>
    public bool Allows(ThirdPartyId id) => id.Medium == Medium.Phone
        ? options.AllowedCountries.Count == 0
            || options.AllowedCountries.Contains(PhoneNumberForm.CountryOf(id.Address), StringComparer.Ordinal)
        : _addresses.Length == 0 || Array.Exists(_addresses, glob => glob.IsMatch(id.Address));
}
