using System.Text.RegularExpressions;

namespace Matrix.Import.Configuration;

/// <summary>Templates of Jinja that only put claims into a text, such as `{{ user.preferred_username }}`.</summary>
internal static partial class JinjaTemplate
{
    /// <summary>The same as a template of this server, with claims in braces; null if it does more than that.</summary>
    internal static string? Read(string template)
    {
        var read = Places().Replace(template, static place => $"\u0001{place.Groups["claim"].Value}\u0002");
        return read.AsSpan().IndexOfAny("{}%") < 0
            ? read.Replace('\u0001', '{').Replace('\u0002', '}')
            : null;
    }

    [GeneratedRegex(@"\{\{-?\s*user(\.|\[['""])(?<claim>[A-Za-z0-9_:./-]+?)(['""]\])?(\s*\|\s*lower)?\s*-?\}\}")]
    private static partial Regex Places();
}
