using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>The URL of this server for clients, and what is served below /.well-known/matrix.</summary>
internal static class BaseUrlMapping
{
    private const string BaseUrl = "public_base_url";
    private const string Identity = "m.identity_server";
    private const string RtcFoci = "org.matrix.msc4143.rtc_foci";

    internal static void Map(MappingContext to)
    {
        var from = to.From;
        if (from.Text("public_baseurl") is { Length: > 0 } given && IsWeb(given))
        {
            to.Ours.Set(BaseUrl, given.TrimEnd('/'));
        }
        else if (to.Config.SignOnProviders.Count > 0 || from.Map("email").Members.Count > 0)
        {
            to.Ours.Set(BaseUrl, $"https://{to.Config.ServerName}");
            to.Findings.List(
                "public_baseurl",
                $"It is Synapse's default, https://{to.Config.ServerName}, which is now served at "
                    + "/.well-known/matrix/client too.");
        }

        if (from.Flag("serve_server_wellknown", false))
        {
            // A name that ends in a port has it already: an IPv6 address in brackets has colons too.
            var name = to.Config.ServerName;
            var hasPort = name.LastIndexOf(':') > name.LastIndexOf(']');
            to.Ours.Set("federation.well_known_server", hasPort ? name : $"{name}:443");
        }

        var transports = from.Map("matrix_rtc").Find("transports");
        if (transports is YamlValue.Items { Values.Count: > 0 }) to.Ours.Set("matrix_rtc.transports", transports);
        Client(to, transports is YamlValue.Items { Values.Count: > 0 });
    }

    private static void Client(MappingContext to, bool hasTransports)
    {
        var members = new OrderedDictionary<string, YamlValue>(StringComparer.Ordinal);
        if (to.From.Text("default_identity_server") is { Length: > 0 } identity)
        {
            if (identity.StartsWith("https://", StringComparison.Ordinal)
                && Uri.IsWellFormedUriString(identity, UriKind.Absolute))
            {
                members.Add(Identity, Map(("base_url", new YamlValue.Text(default, identity))));
            }
            else
            {
                to.Findings.List("default_identity_server", "Clients do not get it: it must begin with https://.");
            }
        }

        foreach (var (name, value) in to.From.Map("extra_well_known_client_content").Members)
        {
            if (name is "m.homeserver" or Identity) continue;
            if (name == RtcFoci && hasTransports)
            {
                to.Findings.List($"extra_well_known_client_content.{name}", "matrix_rtc.transports are served there.");
                continue;
            }

            members.Add(name, value);
        }

        if (members.Count == 0) return;
        if (to.Ours.Has(BaseUrl)) to.Ours.Set("well_known.client", new YamlValue.Map(default, members));
        else
        {
            to.Findings.List(
                "extra_well_known_client_content", "Without a public_baseurl Synapse does not serve it either.");
        }
    }

    private static bool IsWeb(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https";

    private static YamlValue.Map Map((string Name, YamlValue Value) member) =>
        new(default, new Dictionary<string, YamlValue> { [member.Name] = member.Value });
}
