using System.Text.RegularExpressions;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>A text made of the claims of a person, whose names are in braces, such as `{preferred_username}`.</summary>
public sealed partial record ClaimTemplate(string Text)
{
    /// <summary>The claims that it needs.</summary>
    public IReadOnlyList<string> Claims { get; } =
        [.. Places().Matches(Text).Select(static place => place.Groups[1].Value).Distinct()];

    /// <summary>Whether a text has its braces in pairs, each with a name.</summary>
    public static bool IsValid(string text) => Places().Replace(text, "").AsSpan().IndexOfAny('{', '}') < 0;

    /// <summary>The text for a person; empty if a claim is missing.</summary>
    public string Fill(IReadOnlyDictionary<string, string> claims) =>
        Claims.All(claims.ContainsKey)
            ? Places().Replace(Text, place => claims[place.Groups[1].Value]).Trim()
            : "";

    [GeneratedRegex(@"\{([A-Za-z0-9_:./-]+)\}")]
    private static partial Regex Places();
}
