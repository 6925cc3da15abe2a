using System.Text;
using System.Text.Json;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;

namespace Matrix.Host.Configuration;

/// <summary>
/// The type of policies that new users accept, written as clients get them.
/// v1.19 client-server-api#terms-of-service-at-registration
/// </summary>
internal sealed class PoliciesType() : ConfigType<IReadOnlyList<PolicyDocument>>(
    "policies by their ids (letters, digits, . _ ~ -), each with a version as text and, by language, a name and a url "
        + "that starts with https:// or http://, also as a JSON object")
{
    private const string Version = "version";

    internal override bool TryParse(string text, out IReadOnlyList<PolicyDocument> value)
    {
        value = [];
        if (!JsonText.TryParseObject(
                Encoding.UTF8.GetBytes(text), Reading.Client, JsonText.ClientBodyLimits, out var json, out _))
        {
            return false;
        }

        PolicyDocument[] read =
        [
            .. json.Members.Select(static member => Read(member.Item1, member.Item2)).OfType<PolicyDocument>(),
        ];
        value = read;
        return read.Length == json.Count;
    }

    internal override string Show(IReadOnlyList<PolicyDocument> value) =>
        value.Count == 0 ? "{}" : throw new InvalidOperationException("Only the default is shown.");

    internal override string Compared(object? value) =>
        JsonSerializer.Serialize((IReadOnlyList<PolicyDocument>)value!);

    private static PolicyDocument? Read(string id, Json json)
    {
        if (!IsOpaque(id) || json is not Json.Object { Item: var policy }) return null;
        if (policy.Text(Version) is not { } version || !IsOpaque(version)) return null;
        var languages = new SortedDictionary<string, PolicyText>(StringComparer.Ordinal);
        foreach (var (language, text) in policy.Members)
        {
            if (language == Version) continue;
            if (text is not Json.Object { Item: var given }
                || given.Text("name") is not { Length: > 0 } name
                || !Uri.TryCreate(given.Text("url"), UriKind.Absolute, out var url)
                || url.Scheme is not ("https" or "http"))
            {
                return null;
            }

            languages.Add(language, new PolicyText(name, url.AbsoluteUri));
        }

        return languages.Count > 0 ? new PolicyDocument(id, version, languages) : null;
    }

    private static bool IsOpaque(string text) => text.Length is > 0 and <= 255
        && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '~' or '-');
}
