using System.Globalization;
using PhoneNumbers;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>The canonical form of phone numbers. v1.19 appendices#pstn-phone-numbers</summary>
internal static class PhoneNumberForm
{
    private const int Longest = 64;

    private static PhoneNumberUtil Numbers => PhoneNumberUtil.GetInstance();

    /// <summary>The number with its country code, only digits; null if the text is no number of that country.</summary>
    internal static string? Canonical(string text, string? country)
    {
        if (text.Length is 0 or > Longest || country is not (null or { Length: 2 })) return null;
        var dialled = country is null && !text.StartsWith('+') ? "+" + text : text;
        try
        {
            var number = Numbers.Parse(dialled, country);
            return Numbers.IsPossibleNumber(number) && !IsCostly(number)
                ? Numbers.Format(number, PhoneNumberFormat.E164)[1..]
                : null;
        }
        catch (NumberParseException)
        {
            return null;
        }
    }

    /// <summary>
    /// The country of a number (ISO 3166-1): of several with its code, the main one for a number that none has
    /// assigned. Null if there is none.
    /// </summary>
    internal static string? CountryOf(string canonical)
    {
        try
        {
            var number = Numbers.Parse(string.Create(CultureInfo.InvariantCulture, $"+{canonical}"), null);
            return Numbers.GetRegionCodeForNumber(number) ?? Numbers.GetRegionCodeForCountryCode(number.CountryCode);
        }
        catch (NumberParseException)
        {
            return null;
        }
    }

    /// <summary>Whether messages to a number would be paid for by whoever sends them.</summary>
    private static bool IsCostly(PhoneNumber number) => Numbers.GetNumberType(number)
        is PhoneNumberType.PREMIUM_RATE or PhoneNumberType.SHARED_COST or PhoneNumberType.TOLL_FREE;
}
