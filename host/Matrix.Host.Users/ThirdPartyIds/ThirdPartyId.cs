namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>The media of third-party identifiers. v1.19 appendices#3pid-types</summary>
public static class Medium
{
    /// <summary>Mail addresses.</summary>
    public const string Email = "email";

    /// <summary>Phone numbers.</summary>
    public const string Phone = "msisdn";
}

/// <summary>A third-party identifier in its canonical form. v1.19 appendices#3pid-types</summary>
public readonly record struct ThirdPartyId
{
    private ThirdPartyId(string medium, string address) => (Medium, Address) = (medium, address);

    /// <summary>`email` or `msisdn`.</summary>
    public string Medium { get; }

    /// <summary>The address; of a phone number only digits, with the country code.</summary>
    public string Address { get; }

    /// <summary>Reads a medium and an address; null if the medium is unknown or the address is none.</summary>
    public static ThirdPartyId? Read(string medium, string address) => medium switch
    {
        ThirdPartyIds.Medium.Email => OfEmail(address),
        ThirdPartyIds.Medium.Phone => OfPhone(address, country: null),
        _ => null,
    };

    /// <summary>A mail address; null if the text is none.</summary>
    public static ThirdPartyId? OfEmail(string address) => MailAddressForm.Canonical(address) is { } canonical
        ? new ThirdPartyId(ThirdPartyIds.Medium.Email, canonical)
        : null;

    /// <summary>A phone number; null if the text is none.</summary>
    /// <param name="number">As a user types it.</param>
    /// <param name="country">Where it would be dialled (ISO 3166-1); null if it begins with the country code.</param>
    public static ThirdPartyId? OfPhone(string number, string? country) =>
        PhoneNumberForm.Canonical(number, country) is { } canonical
            ? new ThirdPartyId(ThirdPartyIds.Medium.Phone, canonical)
            : null;

    /// <summary>The medium only: an address is private.</summary>
    public override string ToString() => Medium;
}
