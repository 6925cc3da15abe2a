using System.Buffers;
using System.Text;
using Matrix.Core.Ident;
using Matrix.Core.Json;

namespace Matrix.Host.Users.Profiles;

/// <summary>The names and values that profile fields may have. v1.19 client-server-api#profiles</summary>
internal static class ProfileFields
{
    internal const string DisplayName = "displayname";
    internal const string AvatarUrl = "avatar_url";
    internal const string TimeZone = "m.tz";

    /// <summary>A whole profile, as JSON, has fewer bytes.</summary>
    internal const int WholeLimit = 65_536;

    // These go into every membership event of the user, which has 64 KiB in all.
    private const int LongestDisplayName = 256;
    private const int LongestAvatarUrl = 1000;
    private const int LongestTimeZone = 255;
    private const int LongestName = 255;

    private static readonly SearchValues<char> _nameLetters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyz0123456789-_.");
    private static readonly SearchValues<char> _mediaIdLetters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Whether membership events show the field.</summary>
    internal static bool IsShownInRooms(string name) => name is DisplayName or AvatarUrl;

    /// <summary>The mistake in a field's name; null if there is none.</summary>
    internal static UserFailure? JudgeName(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) > LongestName)
        {
            return new UserFailure(
                UserFailureKind.NameTooLarge, $"A profile field's name has at most {LongestName} bytes.");
        }

        var isNamespaced = name.Length > 0
            && char.IsAsciiLetterLower(name[0])
            && !name.AsSpan().ContainsAnyExcept(_nameLetters)
            && name.Contains('.');
        return name is DisplayName or AvatarUrl || isNamespaced
            ? null
            : new UserFailure(
                UserFailureKind.InvalidParam,
                "A profile field is displayname, avatar_url, m.tz or a namespaced name such as org.example.job.");
    }

    /// <summary>The mistake in a field's value; null if there is none.</summary>
    internal static UserFailure? JudgeValue(string name, Json value)
    {
        var text = (value as Json.String)?.Item;
        return name switch
        {
            DisplayName when text is null => NotString(name),
            DisplayName when text.Length > LongestDisplayName => TooLarge(name, LongestDisplayName),
            AvatarUrl when text is null => NotString(name),
            AvatarUrl when text.Length > LongestAvatarUrl => TooLarge(name, LongestAvatarUrl),
            AvatarUrl when text.Length > 0 && !IsContentUri(text) => new UserFailure(
                UserFailureKind.InvalidParam, "`avatar_url` must be an mxc:// address."),
            TimeZone when text is null => NotString(name),
            TimeZone when text.Length > LongestTimeZone => TooLarge(name, LongestTimeZone),
            _ => null,
        };
    }

    private static UserFailure NotString(string name) => new(UserFailureKind.BadJson, $"`{name}` must be a string.");

    private static UserFailure TooLarge(string name, int most) =>
        new(UserFailureKind.ProfileTooLarge, $"`{name}` has at most {most} characters.");

    private static bool IsContentUri(string text)
    {
        const string Scheme = "mxc://";
        if (!text.StartsWith(Scheme, StringComparison.Ordinal)) return false;
        var rest = text.AsSpan(Scheme.Length);
        var slash = rest.IndexOf('/');
        return slash > 0
            && slash < rest.Length - 1
            && !rest[(slash + 1)..].ContainsAnyExcept(_mediaIdLetters)
            && ServerName.IsValid(rest[..slash].ToString());
    }
}
