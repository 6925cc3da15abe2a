namespace Matrix.Host.Api.Client;

/// <summary>A policy that new users accept. v1.19 client-server-api#terms-of-service-at-registration</summary>
/// <param name="Id">Its id.</param>
/// <param name="Version">Its version.</param>
/// <param name="Languages">Its texts by the code of their language; at least one.</param>
public sealed record PolicyDocument(string Id, string Version, IReadOnlyDictionary<string, PolicyText> Languages)
{
    /// <summary>The text in the first of some languages that it has, or in English, or in any.</summary>
    internal (string Language, PolicyText Text) For(IReadOnlyList<string> wanted)
    {
        var known = wanted.Append("en")
            .SelectMany(static language => new[] { language, language.Split('-', '_')[0] })
            .Select(language => Languages.Keys.FirstOrDefault(
                key => key.Replace('_', '-').Equals(language, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(static key => key is not null) ?? Languages.Keys.First();
        return (known.Replace('_', '-'), Languages[known]);
    }
}

/// <summary>The text of a policy in one language.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Url">Where it is.</param>
public sealed record PolicyText(string Name, string Url);
