namespace Matrix.Import.Runs;

/// <summary>What parts need to know of Synapse's configuration, apart from its databases.</summary>
internal sealed record SourceSettings
{
    /// <summary>Whether passwords of Synapse's own database were good for logging in.</summary>
    public bool HasPasswords { get; init; } = true;

    /// <summary>The local part of the user who sends server notices; null for none.</summary>
    public string? NoticesUser { get; init; }

    /// <summary>The ids of the application services that the configuration registers.</summary>
    public IReadOnlyList<string> AppServices { get; init; } = [];

    /// <summary>How many processes sent to other servers: 1 unless the configuration names several.</summary>
    public int FederationSenders { get; init; } = 1;

    /// <summary>The names of identity providers here by Synapse's `idp_id`.</summary>
    public IReadOnlyDictionary<string, string> IdentityProviders { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether accounts need an administrator's approval, so that those without it cannot sign in.</summary>
    public bool NeedsApproval { get; init; }

    /// <summary>Whether pushers may send mail.</summary>
    public bool HasMailPushers { get; init; } = true;
}
