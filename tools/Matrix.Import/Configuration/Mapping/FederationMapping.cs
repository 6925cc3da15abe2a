using System.Text;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Which other servers are talked to, and whose certificates are trusted.</summary>
internal static class FederationMapping
{
    internal static void Map(MappingContext to)
    {
        Servers(to);
        Authorities(to);
        to.Ours.Set("federation.request_time", to.From.Map("federation").Duration("client_timeout"));
    }

    private static void Servers(MappingContext to)
    {
        const string setting = "federation_domain_whitelist";
        switch (to.From.Find(setting))
        {
            case null:
                return;
            case YamlValue.Items { Values.Count: 0 }:
                // An empty list is nobody there, and everybody here.
                to.Ours.Set("federation.deny_servers", ["*"]);
                return;
            case YamlValue.Map map:
                to.Ours.Set("federation.allow_servers", [.. map.Members.Keys]);
                return;
            default:
                var named = to.From.Texts(setting);
                if (named.Count > 0) to.Ours.Set("federation.allow_servers", named);
                else to.Ours.Set("federation.deny_servers", ["*"]);
                return;
        }
    }

    private static void Authorities(MappingContext to)
    {
        const string setting = "federation_custom_ca_list";
        var texts = to.From.Texts(setting).Select(file => to.From.ReadText(setting, file)).OfType<string>().ToList();
        if (texts.Count == 0) return;
        var all = string.Concat(texts.Select(static text => text.TrimEnd() + "\n"));
        to.Ours.Set("federation.custom_ca", to.Add("", "custom-ca", ".pem", Encoding.UTF8.GetBytes(all)));
        to.Findings.List(setting, "These authorities are trusted in addition to the system's, and not instead.");
    }
}
