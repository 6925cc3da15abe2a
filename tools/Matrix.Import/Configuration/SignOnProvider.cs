using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>An OpenID Connect provider: `oidc_providers`, or the old `oidc_config`.</summary>
/// <param name="AuthProvider">
/// Its name in Synapse's table `user_external_ids` and for clients: `oidc`, or `oidc-` and the `idp_id`.
/// </param>
/// <param name="Issuer">The issuer, under which this server links people.</param>
public sealed record SignOnProvider(string AuthProvider, string Issuer)
{
    private const string Builtin = "JinjaOidcMappingProvider";

    /// <summary>The name for people.</summary>
    public string Name { get; init; } = "";

    /// <summary>The client's id at the provider.</summary>
    public string ClientId { get; init; } = "";

    /// <summary>The client's secret; null for none, or if it is made of a key.</summary>
    public Secret? ClientSecret { get; init; }

    /// <summary>
    /// Whether the external ids in Synapse's database are the `sub` claims of people. Otherwise they cannot be linked.
    /// </summary>
    public bool MapsBySubject { get; init; }

    /// <summary>What the external ids are made of if not of `sub`: a claim, a template or a module.</summary>
    public string MappedBy { get; init; } = "sub";

    /// <summary>The settings, for what else is carried of them.</summary>
    internal SettingMap Settings { get; private init; } = null!;

    internal static IReadOnlyList<SignOnProvider> Read(SettingMap root)
    {
        var old = root.Map("oidc_config");
        var providers = root.Maps("oidc_providers").Select(static provider => Of(provider, isOld: false)).ToList();
        if (old.Flag("enabled", false)) providers.Add(Of(old, isOld: true));
        var byId = providers.GroupBy(static each => each.AuthProvider);
        foreach (var twice in byId.Where(static each => each.Count() > 1))
        {
            root.Refuse(ConfigProblemKind.Conflict, "oidc_providers", $"two providers have the id {twice.Key}");
        }

        return providers;
    }

    private static SignOnProvider Of(SettingMap provider, bool isOld)
    {
        var id = provider.Text("idp_id") ?? (isOld ? "oidc" : "");
        if (id.Length == 0) provider.Refuse(ConfigProblemKind.SettingMissing, "idp_id", "expected the provider's id");
        foreach (var needed in (string[])["issuer", "client_id"])
        {
            if (!provider.Has(needed)) provider.Refuse(ConfigProblemKind.SettingMissing, needed, "it is needed");
        }

        var mappedBy = MappedByOf(provider.Map("user_mapping_provider"));
        return new SignOnProvider(id == "oidc" ? id : $"oidc-{id}", provider.Text("issuer") ?? "")
        {
            Name = provider.AnyText("idp_name") ?? "OIDC",
            ClientId = provider.AnyText("client_id") ?? "",
            ClientSecret = provider.Secret("client_secret", "client_secret_path"),
            MapsBySubject = mappedBy == "sub",
            MappedBy = mappedBy,
            Settings = provider,
        };
    }

    private static string MappedByOf(SettingMap mapping)
    {
        var module = mapping.Text("module");
        if (module is not null && !module.EndsWith($".{Builtin}", StringComparison.Ordinal)) return $"module {module}";
        var config = mapping.Map("config");
        return config.Text("subject_template") is not { Length: > 0 } template ? config.Text("subject_claim") ?? "sub"
            : JinjaTemplate.Read(template) == "{sub}" ? "sub"
            : $"template {template}";
    }
}
