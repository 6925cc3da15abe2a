using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Previews of pages: off in Synapse unless they are turned on.</summary>
internal static class PreviewMapping
{
    private const string Denied = "url_preview_ip_range_blacklist";
    private const string DeniedUrls = "url_preview_url_blacklist";

    internal static void Map(MappingContext to)
    {
        var isOn = to.From.Flag("url_preview_enabled", false);
        to.Ours.Set("media.previews", isOn);
        if (!isOn) return;
        to.Ours.SetBytes("media.preview_image_bytes", to.From.Bytes("max_spider_size"));
        var languages = to.From.TextOrTexts("url_preview_accept_language");
        if (languages.Count > 0) to.Ours.Set("media.preview_languages", string.Join(", ", languages));
        Networks(to);
        Hosts(to);
    }

    private static void Networks(MappingContext to)
    {
        NetworkMapping.RefusePublic(to, Denied, NetworkMapping.Ranges(to, Denied));

        // Previews reach the networks of other servers here: a user could read pages inside.
        if (!to.Ours.Has("federation.allow_networks")) return;
        to.Ours.Set("media.previews", false);
        to.Findings.List(
            "url_preview_enabled",
            "Previews are off: they would reach the private networks of federation.allow_networks.");
    }

    private static void Hosts(MappingContext to)
    {
        var hosts = new List<string>();
        foreach (var entry in to.From.Maps(DeniedUrls))
        {
            if (entry.Members.Count == 1 && entry.Text("netloc") is { Length: > 0 } host && host[0] != '^'
                && host.All(static c => char.IsAsciiLetterOrDigit(c) || "-.:[]*?".Contains(c)))
            {
                hosts.Add(host);
                continue;
            }

            to.Findings.Refuse(DeniedUrls, "Pages are denied by hosts only: entries with more than `netloc` are lost.");
        }

        to.Ours.Set("media.preview_denied", hosts);
    }
}
