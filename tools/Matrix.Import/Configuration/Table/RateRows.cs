using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>Rates. Those that count the like here are carried, the others stay as they are here.</summary>
internal static class RateRows
{
    private const string Federation = "The group limits and rate_limits.federation_* bound other servers' requests.";
    private const string Memberships = "rate_limits.membership_* bounds joins, invites and new rooms together.";
    private const string Others = "rate_limits.other_* bounds them.";

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        .. Rate("rc_message", "rate_limits.send"),
        Costless("rc_messages_per_second", "The old form of rc_message; rate_limits.send_* has its default."),
        Costless("rc_message_burst_count", "The old form of rc_message; rate_limits.send_* has its default."),
        .. Rate("rc_registration", "rate_limits.registration"),
        Costless("rc_registration_token_validity", "rate_limits.registration_* bounds it too."),
        Group("rc_login"),
        .. Rate("rc_login.address", "rate_limits.login"),
        .. Rate("rc_login.account", "rate_limits.known_login"),
        .. Rate("rc_login.failed_attempts", "rate_limits.password"),
        Costless("rc_admin_redaction", "Redactions have the rate of all messages."),
        Costless("rc_joins", Memberships),
        Costless("rc_joins_per_room", Memberships),
        Costless("rc_invites", Memberships),
        Costless("rc_third_party_invite", Memberships),
        Costless("rc_room_creation", Memberships),
        Costless("rc_3pid_validation", "rate_limits.messages_from_* and messages_to_* bound it."),
        Costless("rc_media_create", "media.pending_per_user bounds it."),
        Costless("rc_presence", Others),
        Costless("rc_delayed_event_mgmt", Others),
        Costless("rc_key_requests", Others),
        Costless("rc_federation", Federation),
        Costless("federation_rc_window_size", Federation),
        Costless("federation_rc_sleep_limit", Federation),
        Costless("federation_rc_sleep_delay", Federation),
        Costless("federation_rc_reject_limit", Federation),
        Costless("federation_rc_concurrent", Federation),
        .. Rate("rc_reports", "rate_limits.reports"),
        .. Rate("rc_user_directory", "rate_limits.directories"),
    ];

    private static SettingRow[] Rate(string name, string target) =>
    [
        Group(name),
        Carried($"{name}.per_second", $"{target}_per_second"),
        Carried($"{name}.burst_count", $"{target}_burst"),
    ];
}
