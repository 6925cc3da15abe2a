using Matrix.Import.Configuration.Table;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Settings whose default differs: without a value they are different here too.</summary>
internal static class DifferentDefaults
{
    private static readonly string[] _names = ["allow_public_rooms_without_auth", "room_list_publication_rules"];

    internal static void Map(MappingContext to)
    {
        foreach (var name in _names.Where(name => !to.From.Has(name))) List(to, name);
        if (!to.From.Map("login_via_existing_session").Has("enabled")) List(to, "login_via_existing_session.enabled");
        var mail = to.From.Map("email");
        if (mail.Members.Count > 0 && !mail.Has("enable_notifs")) List(to, "email.enable_notifs");
    }

    private static void List(MappingContext to, string name)
    {
        var sentence = name == "room_list_publication_rules"
            ? "Whoever may set a room's canonical alias may publish it."
            : SettingTable.Find(name)!.Sentence;
        to.Findings.List(name, $"{sentence} (It is not set; this is about Synapse's default.)");
    }
}
