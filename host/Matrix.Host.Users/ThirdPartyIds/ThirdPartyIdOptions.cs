using Matrix.Host.Parts;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>Options of mail addresses and phone numbers of accounts.</summary>
public sealed record ThirdPartyIdOptions
{
    [Setting(
        "identifiers.tell_known",
        "Whether anyone may learn which addresses and numbers belong to accounts. If not, only their owners do, "
            + "by the messages that they get.")]
    public bool TellsKnown { get; init; }

    [Setting(
        "identifiers.allowed_addresses",
        "The mail addresses that accounts may have, such as *@example.org; none for all.",
        Form = SettingForm.AddressPatterns)]
    public IReadOnlyList<string> AllowedAddresses { get; init; } = [];

    [Setting(
        "identifiers.allowed_countries",
        "The countries whose phone numbers accounts may have, such as DE; none for all.",
        Form = SettingForm.Countries)]
    public IReadOnlyList<string> AllowedCountries { get; init; } = [];

    [Setting(
        "identifiers.next_link_hosts",
        "The hosts, with a port if it is not the usual one, to which a browser may be sent after an address was "
            + "confirmed, such as those of web clients.",
        Form = SettingForm.ServerNames)]
    public IReadOnlyList<string> NextLinkHosts { get; init; } = [];

    [Setting(
        "identifiers.of_account",
        "Addresses and numbers of one account, and those that are bound at identity servers.",
        Least = 1, Most = 1000)]
    public int MostOfUser { get; init; } = 20;

    [Setting("identifiers.session_lifetime", "How long a link or code is valid, and a confirmed address can be used.")]
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromHours(1);

    [Setting(
        "identifiers.sessions",
        "Addresses that are being confirmed; the oldest are dropped first.",
        Least = 10, Most = 10_000_000)]
    public int Sessions { get; init; } = 100_000;

    [Setting("identifiers.tries", "Tries to confirm one of them.", Least = 1, Most = 100)]
    public int Tries { get; init; } = 10;

    [Setting(
        "identifiers.waiting_messages",
        "Messages that wait to be sent; more are refused.",
        Least = 1, Most = 1_000_000)]
    public int Queue { get; init; } = 1000;

    [Setting("identifiers.messages_at_once", "Messages that are sent at once.", Least = 1, Most = 100)]
    public int Sending { get; init; } = 4;

    [Setting("identifiers.send_attempts", "How often a message is tried.", Least = 1, Most = 100)]
    public int SendAttempts { get; init; } = 3;

    [Setting(
        "identifiers.send_pause",
        "The pause after the first failed try; it grows by as much with each.",
        Form = SettingForm.Timer)]
    public TimeSpan SendPause { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The address of this server in links; "" if mail cannot be sent.</summary>
    public string BaseUrl { get; init; } = "";
}
