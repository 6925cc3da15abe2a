using Matrix.Import.Runs;

namespace Matrix.Import.Configuration;

/// <summary>What the parts of an import need to know of a configuration.</summary>
internal static class ConfiguredSource
{
    internal static SourceSettings Of(SynapseConfig config) => new()
    {
        HasPasswords = config.Passwords.AreCarried,
        NoticesUser = config.NoticesUser.Length > 0 ? config.NoticesUser[1..config.NoticesUser.IndexOf(':')] : null,
        AppServices = [.. config.AppServices.Select(static service => service.Id)],
        FederationSenders = Math.Max(1, config.Workers.FederationSenders.Count),

        // Where people are known by something else than `sub`, their identities are nobody's here.
        IdentityProviders = config.SignOnProviders.Where(static provider => provider.MapsBySubject)
            .ToDictionary(
                static provider => provider.AuthProvider, static provider => provider.Issuer, StringComparer.Ordinal),
        NeedsApproval = config.NeedsApproval,
        HasMailPushers = config.HasMailPushers,
    };
}
