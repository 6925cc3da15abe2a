namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>Options of mail addresses and phone numbers of accounts.</summary>
public sealed record ThirdPartyIdOptions
{
    /// <summary>Whether requests for tokens tell strangers which addresses belong to accounts.</summary>
    public bool TellsKnown { get; init; }

    /// <summary>The mail addresses that may be added, as globs; empty for all.</summary>
    public IReadOnlyList<string> AllowedAddresses { get; init; } = [];

    /// <summary>The countries (ISO 3166-1) whose phone numbers may be added; empty for all.</summary>
    public IReadOnlyList<string> AllowedCountries { get; init; } = [];

    /// <summary>The hosts to which `next_link` may lead.</summary>
    public IReadOnlyList<string> NextLinkHosts { get; init; } = [];

    /// <summary>The most identifiers of one account, and the most bindings of one.</summary>
    public int MostOfUser { get; init; } = 20;

    /// <summary>The lifetime of a session of validation, counted from the last message.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The most such sessions.</summary>
    public int Sessions { get; init; } = 100_000;

    /// <summary>The most tries to confirm a session.</summary>
    public int Tries { get; init; } = 10;

    /// <summary>The most messages that wait to be sent.</summary>
    public int Queue { get; init; } = 1000;

    /// <summary>The most messages that are sent at once.</summary>
    public int Sending { get; init; } = 4;

    /// <summary>How often a message is tried.</summary>
    public int SendAttempts { get; init; } = 3;

    /// <summary>The pause after a failed try.</summary>
    public TimeSpan SendPause { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The address of this server in links; "" if mail cannot be sent.</summary>
    public string BaseUrl { get; init; } = "";
}
