using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>The issuers of Synapse's identity providers.</summary>
internal static class Issuers
{
    // Synapse puts it before the `idp_id` of the configuration.
    private const string Prefix = "oidc-";

    /// <summary>The issuer of a provider, by the name that Synapse stores; null for an unknown one.</summary>
    public static string? Of(string provider, ImportContext context)
    {
        var issuers = context.Settings.IdentityProviders;
        return issuers.GetValueOrDefault(provider)
            ?? (provider.StartsWith(Prefix, StringComparison.Ordinal)
                ? issuers.GetValueOrDefault(provider[Prefix.Length..])
                : null);
    }
}
