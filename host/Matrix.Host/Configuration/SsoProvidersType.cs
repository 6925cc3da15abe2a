using System.Text;
using System.Text.Json;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.Urls;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Configuration;

/// <summary>The type of a list of identity providers.</summary>
internal sealed class SsoProvidersType() : ConfigType<IReadOnlyList<SsoProvider>>(
    "a list of providers, each with an id (letters, digits, . _ ~ -), name, client_id and an issuer that starts with "
        + "https://, and with known settings of the right type, also as JSON")
{
    private static readonly HashSet<string> _known = new(StringComparer.Ordinal)
    {
        "id", "name", "icon", "brand", "issuer", "client_id", "client_secret", "client_secret_file", "scopes",
        "localpart_template", "display_name_template", "links_users", "creates_users",
    };

    internal override bool TryParse(string text, out IReadOnlyList<SsoProvider> value)
    {
        value = [];
        if (!JsonText.TryParse(
                Encoding.UTF8.GetBytes(text), Reading.Client, JsonText.ClientBodyLimits, out var json, out _)
            || json is not Json.Array { Item: var items })
        {
            return false;
        }

        var providers = items.Select(static item => item is Json.Object { Item: var given } ? Read(given) : null);
        SsoProvider[] read = [.. providers.OfType<SsoProvider>()];
        value = read;
        return read.Length == items.Length && read.DistinctBy(static provider => provider.Id).Count() == read.Length;
    }

    /// <summary>Without the secrets: only the default is ever shown, which has none.</summary>
    internal override string Show(IReadOnlyList<SsoProvider> value) =>
        $"[{string.Join(", ", value.Select(static provider => provider.Id))}]";

    /// <summary>With the secrets, wherever their files are.</summary>
    internal override string Compared(object? value) => JsonSerializer.Serialize(
        ((IReadOnlyList<SsoProvider>)value!).Select(static provider => provider with { ClientSecretFile = "" }));

    private static SsoProvider? Read(JsonObject given)
    {
        var isValid = true;
        foreach (var (name, _) in given.Members) isValid &= _known.Contains(name);
        var provider = new SsoProvider(Text("id"), Text("name"), Text("issuer"), Text("client_id"))
        {
            Icon = Text("icon"),
            Brand = Text("brand"),
            ClientSecret = Text("client_secret"),
            ClientSecretFile = Text("client_secret_file"),
            Scopes = Scopes(),
            Localpart = new ClaimTemplate(Text("localpart_template", "{preferred_username}")),
            DisplayName = new ClaimTemplate(Text("display_name_template", "{name}")),
            LinksUsers = Flag("links_users", false),
            CreatesUsers = Flag("creates_users", true),
        };
        return isValid && IsValid(provider) ? provider : null;

        string Text(string name, string otherwise = "")
        {
            if (!given.Has(name)) return otherwise;
            isValid &= given.Text(name) is not null;
            return given.Text(name) ?? "";
        }

        bool Flag(string name, bool otherwise)
        {
            if (given.IndexOf(name) is not (>= 0 and var at)) return otherwise;
            isValid &= given.Value(at).IsBool;
            return given.Value(at) is Json.Bool { Item: true };
        }

        IReadOnlyList<string> Scopes()
        {
            if (given.IndexOf("scopes") is not (>= 0 and var at)) return ["openid", "profile"];
            var scopes = given.Value(at) is Json.Array { Item: var list } ? list : [];
            isValid &= scopes.Length > 0 && Array.TrueForAll(scopes, static scope => scope.IsString);
            return [.. scopes.OfType<Json.String>().Select(static scope => scope.Item)];
        }
    }

    private static bool IsValid(SsoProvider provider) =>
        provider.Id.Length is > 0 and <= 255
        && provider.Id.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '~' or '-')
        && provider.Name.Length > 0
        && provider.ClientId.Length > 0
        && (provider.ClientSecret.Length == 0 || provider.ClientSecretFile.Length == 0)
        && (provider.Icon.Length == 0 || provider.Icon.StartsWith("mxc://", StringComparison.Ordinal))
        && ClaimTemplate.IsValid(provider.Localpart.Text)
        && ClaimTemplate.IsValid(provider.DisplayName.Text)
        && provider.Scopes.Contains("openid")
        && Uri.TryCreate(provider.Issuer, UriKind.Absolute, out var url)
        && url is { Query: "", Fragment: "", UserInfo: "" }
        && (url.Scheme == Uri.UriSchemeHttps || UrlSender.IsPlainLoopback(url));
}
