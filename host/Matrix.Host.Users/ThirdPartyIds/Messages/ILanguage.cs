using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Users.ThirdPartyIds.Messages;

/// <summary>What messages say in one language.</summary>
internal interface ILanguage
{
    /// <summary>The language as in `Accept-Language`, such as `en`.</summary>
    string Code { get; }

    /// <summary>A mail.</summary>
    /// <param name="server">This server's name.</param>
    MailText Mail(Message message, string server);

    /// <summary>The sentence of a mail that has a code in place of a link.</summary>
    string MailCode(string code);

    /// <summary>A text message: short, because long ones are sent, and paid for, in parts.</summary>
    string Text(Message message, string server);

    /// <summary>The page on which a link is confirmed.</summary>
    /// <param name="account">The account that it is about; null if that is not known.</param>
    ConfirmationText Page(ValidationPurpose purpose, string server, string? account);
}

/// <summary>The languages of messages.</summary>
public static class Languages
{
    private const int MostChoices = 10;

    private static readonly ILanguage[] _all = [new English(), new German(), new French(), new Spanish()];

    /// <summary>The language of messages whose reader's language is not known.</summary>
    public static string Usual => _all[0].Code;

    /// <summary>The best of the languages that a browser or client names in `Accept-Language`.</summary>
    public static string Choose(string? accepted)
    {
        var best = (Code: Usual, Weight: 0.0);
        foreach (var choice in (accepted ?? "").Split(',').Take(MostChoices))
        {
            var parts = choice.Split(';');
            var code = parts[0].Trim().Split('-')[0].ToLowerInvariant();
            var weight = WeightOf(parts);
            if (weight > best.Weight && Array.Exists(_all, language => language.Code == code)) best = (code, weight);
        }

        return best.Code;
    }

    /// <summary>What the page of a link says.</summary>
    public static ConfirmationText PageOf(string code, ValidationPurpose purpose, string server, string? account) =>
        Of(code).Page(purpose, server, account);

    /// <summary>The language with a code; the usual one if there is none.</summary>
    internal static ILanguage Of(string code) => Array.Find(_all, language => language.Code == code) ?? _all[0];

    private static double WeightOf(string[] parts)
    {
        foreach (var part in parts.Skip(1))
        {
            var trimmed = part.Trim();
            if (!trimmed.StartsWith("q=", StringComparison.Ordinal)) continue;
            return double.TryParse(
                trimmed[2..],
                System.Globalization.NumberStyles.AllowDecimalPoint,
                System.Globalization.CultureInfo.InvariantCulture,
                out var weight) ? weight : 0;
        }

        return 1;
    }
}
