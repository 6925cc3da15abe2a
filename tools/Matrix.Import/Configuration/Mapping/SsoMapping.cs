using System.Net;
using System.Text;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>
/// OpenID Connect providers. Each keeps the id by which clients and Synapse's table of external ids know it.
/// </summary>
internal static class SsoMapping
{
    private const string Setting = "oidc_providers";

    internal static void Map(MappingContext to)
    {
        var clients = to.From.Map("sso").Texts("client_whitelist");
        string[] urls = [.. clients.Where(IsUrl)];
        to.Ours.Set("sso.client_urls", urls);
        if (urls.Length < clients.Count)
        {
            to.Findings.List("sso.client_whitelist", "What is no beginning of a URL is left out.");
        }

        if (to.Config.SignOnProviders.Count == 0) return;
        var baseUrl = to.Ours.Values["public_base_url"].Trim('"');
        if (!IsSafe(baseUrl))
        {
            to.Findings.Refuse(Setting, "Signing in at a provider needs a public_baseurl that begins with https://.");
            return;
        }

        var problems = to.From.Problems;
        var carried = to.Config.SignOnProviders
            .Select(each => Provider(to, each, each.Settings.With(problems), baseUrl))
            .OfType<YamlValue>()
            .ToList();
        if (carried.Count > 0) to.Ours.Set("sso.providers", new YamlValue.Items(default, carried));
        var networks = to.Config.SignOnProviders.Select(static each => Network(each.Issuer)).OfType<string>();
        to.Ours.Set("sso.allow_networks", [.. networks.Distinct()]);
    }

    private static YamlValue.Map? Provider(
        MappingContext to, SignOnProvider provider, SettingMap from, string baseUrl)
    {
        var id = provider.AuthProvider;
        var name = $"{Setting}.{id}";
        if (!IsSafe(provider.Issuer))
        {
            to.Findings.Refuse(name, "Its issuer must begin with https://: nobody can sign in there.");
            return null;
        }

        Explain(to, provider, name, baseUrl);
        var members = new OrderedDictionary<string, YamlValue>(StringComparer.Ordinal);
        Text("id", id);
        Text("name", provider.Name);
        Text("issuer", provider.Issuer);
        Text("client_id", provider.ClientId);
        if (provider.ClientSecret is { } secret)
        {
            Text("client_secret_file", to.Add("", id, ".secret", Encoding.UTF8.GetBytes(secret.Reveal() + "\n")));
        }

        var icon = from.Text("idp_icon");
        if (icon?.StartsWith("mxc://", StringComparison.Ordinal) == true) Text("icon", icon);
        if (from.Text("idp_brand") is { } brand) Text("brand", brand);
        var scopes = from.Has("scopes") ? from.Texts("scopes") : ["openid"];
        if (!scopes.Contains("openid")) scopes = ["openid", .. scopes];
        var texts = scopes.Select(static scope => new YamlValue.Text(default, scope));
        members.Add("scopes", new YamlValue.Items(default, [.. texts]));
        Templates(to, from, Text);
        members.Add("links_users", new YamlValue.Flag(default, from.Flag("allow_existing_users", false)));
        members.Add("creates_users", new YamlValue.Flag(default, from.Flag("enable_registration", true)));
        return new YamlValue.Map(default, members);

        void Text(string member, string value) => members.Add(member, new YamlValue.Text(default, value));
    }

    private static void Explain(MappingContext to, SignOnProvider provider, string name, string baseUrl)
    {
        if (!provider.MapsBySubject)
        {
            to.Findings.Refuse(
                name,
                $"Its people are known by {provider.MappedBy}, and not by `sub`: their accounts cannot be linked, and "
                    + "who signs in gets a new one.");
        }

        to.Findings.List(
            name,
            $"Register at the provider the redirect URI {baseUrl}/_matrix/oauth2/sso/callback/{provider.AuthProvider} "
                + $"and the back-channel logout URI {baseUrl}/_matrix/oauth2/sso/logout/{provider.AuthProvider}. If "
                + "its address is private, add its network to sso.allow_networks.");
    }

    /// <summary>New names: users choose one without a template, or if it does more than insert claims.</summary>
    private static void Templates(MappingContext to, SettingMap from, Action<string, string> set)
    {
        var mapping = from.Map("user_mapping_provider");
        var config = mapping.Map("config");
        foreach (var template in (string[])["localpart_template", "display_name_template"])
        {
            var given = config.Text(template);
            var carried = given is null ? null : JinjaTemplate.Read(given);
            set(template, carried ?? "");
            if (given is null || carried is not null) continue;
            to.Findings.List(
                config.PathOf(template), "It does more than to insert claims: new users have none of its names.");
        }

        if (config.Flag("confirm_localpart", false))
        {
            to.Findings.List(config.PathOf("confirm_localpart"), "New users get the name of the template at once.");
        }

        if (config.Has("email_template") || config.Has("picture_template") || config.Has("extra_attributes"))
        {
            to.Findings.List(config.Path, "New users have no mail address, avatar or attributes of the provider.");
        }
    }

    private static bool IsSafe(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var parsed)
        && parsed is { Query: "", Fragment: "", UserInfo: "" }
        && (parsed.Scheme == Uri.UriSchemeHttps || (parsed.Scheme == Uri.UriSchemeHttp && parsed.IsLoopback));

    private static bool IsUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out _)
        && text.All(static c => c is > ' ' and < '\x7F' and not ',');

    /// <summary>The network of an issuer whose private address its URL has; null for others.</summary>
    private static string? Network(string issuer)
    {
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var url)) return null;
        var host = url.Host == "localhost" ? "127.0.0.1" : url.Host.Trim('[', ']');
        return IPAddress.TryParse(host, out _) && NetworkRanges.Parse(host) is { } network
            && NetworkRanges.Public([network]).Count == 0
                ? network.ToString()
                : null;
    }
}
