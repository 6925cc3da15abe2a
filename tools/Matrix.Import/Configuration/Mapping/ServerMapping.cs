using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Keys, notaries, captchas, notices.</summary>
internal static class ServerMapping
{
    internal static void Map(MappingContext to)
    {
        var from = to.From;
        to.Ours.Set("federation.own_key_validity", from.Duration("key_refresh_interval"));
        Notaries(to);
        Notices(to);
    }

    private static void Notaries(MappingContext to)
    {
        var from = to.From;
        var named = from.Maps("trusted_key_servers").Select(static server => server.Text("server_name"))
            .Concat(from.Map("perspectives").Map("servers").Members.Keys)
            .OfType<string>()
            .Where(Core.Ident.ServerName.IsValid)
            .Distinct()
            .ToList();
        if (!from.IsWritten("trusted_key_servers") && !from.IsWritten("perspectives")) named.Add("matrix.org");
        named.Remove(to.Config.ServerName);
        to.Ours.Set("federation.notaries", named);
    }

    private static void Notices(MappingContext to)
    {
        // Otherwise nobody here could have the name of the sender of notices by default.
        to.Ours.Set("server_notices.localpart", "");
        var notices = to.From.Map("server_notices");
        if (notices.Text("system_mxid_localpart") is not { Length: > 0 } name) return;
        if (name.Length < 200 && name.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c)
            || "._=/+-".Contains(c, StringComparison.Ordinal)))
        {
            to.Ours.Set("server_notices.localpart", name);
            to.Ours.Set("server_notices.display_name", notices.Text("system_mxid_display_name"));
            to.Ours.Set("server_notices.room_name", notices.Text("room_name") ?? "Server Notices");
            return;
        }

        notices.Refuse(
            ConfigProblemKind.WrongValue,
            "system_mxid_localpart",
            "expected lower-case letters, digits and . _ = / + -");
    }
}
