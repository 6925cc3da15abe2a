using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>A Python module that Synapse loads.</summary>
/// <param name="Setting">The setting that names it, such as `modules` or `password_providers`.</param>
/// <param name="Name">Its name, such as `ldap_auth_provider.LdapAuthProviderModule`.</param>
public sealed record SynapseModule(string Setting, string Name)
{
    private const string Ldap = "ldap_auth_provider.LdapAuthProvider";

    private static readonly string[] _passwordWords = ["auth", "ldap", "password", "login", "radius"];

    /// <summary>
    /// Whether it may be what decides about passwords: by its setting, or by its name. Modules of the current kind do
    /// not say what they do.
    /// </summary>
    public bool MayCheckPasswords => Setting is "password_providers" or "ldap_config"
        || (Setting == "modules"
            && Array.Exists(_passwordWords, word => Name.Contains(word, StringComparison.OrdinalIgnoreCase)));

    internal static IReadOnlyList<SynapseModule> Read(SettingMap root)
    {
        var found = new List<SynapseModule>();
        if (root.Map("ldap_config").Flag("enabled", false)) found.Add(new SynapseModule("ldap_config", Ldap));
        foreach (var setting in (string[])["modules", "password_providers"]) Add(root.Maps(setting), setting);

        // The old settings of these have one module, or a list.
        foreach (var setting in (string[])["spam_checker", "third_party_event_rules"])
        {
            Add(root.Find(setting) is YamlValue.Map ? [root.Map(setting)] : root.Maps(setting), setting);
        }

        var router = root.Map("presence").Map("presence_router");
        if (router.Has("module")) Add([router], router.Path);
        return found;

        void Add(IReadOnlyList<SettingMap> modules, string setting)
        {
            foreach (var module in modules)
            {
                if (module.Text("module") is { Length: > 0 } name) found.Add(new SynapseModule(setting, name));
                else module.Refuse(ConfigProblemKind.SettingMissing, "module", "expected the module's name");
            }
        }
    }
}
