using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>`experimental_features`: proposals that Synapse knew at some time.</summary>
internal static class ExperimentalRows
{
    private const string Name = "experimental_features";

    /// <summary>What this server has, always or by a setting or registration of its own.</summary>
    private static readonly string[] _here =
    [
        "msc1763_enabled", "msc2409_to_device_messages_enabled", "msc2666_enabled", "msc3202_device_masquerading",
        "msc3202_transaction_extensions", "msc3266_enabled", "msc3381_polls_enabled", "msc3391_enabled",
        "msc3575_enabled", "msc3814_enabled", "msc3823_account_suspension", "msc4108_enabled",
        "msc4108_delegation_endpoint", "msc4143_enabled", "msc4222_enabled", "msc4306_enabled", "msc4388_mode",
    ];

    /// <summary>What has become part of the specification.</summary>
    private static readonly string[] _specified =
    [
        "msc2697_enabled", "msc3244_enabled", "msc3773_enabled", "msc3916_authenticated_media_enabled",
        "msc3967_enabled", "msc3981_recurse_relations", "msc4010_push_rules_account_data", "msc4041_enabled",
        "msc4133_enabled", "msc4151_enabled", "msc4156_enabled", "msc4210_enabled",
    ];

    private static readonly string[] _elsewhere =
    [
        "msc1767_enabled", "msc2654_enabled", "msc2815_enabled", "msc3026_enabled", "msc3664_enabled",
        "msc3720_enabled", "msc3848_enabled", "msc3852_enabled", "msc3874_enabled", "msc3881_enabled",
        "msc3886_endpoint", "msc3890_enabled", "msc3912_enabled", "msc3983_appservice_otk_claims",
        "msc3984_appservice_key_query", "msc4028_push_encrypted_events", "msc4069_profile_inhibit_propagation",
        "msc4076_enabled", "msc4155_enabled", "msc4169_enabled", "msc4235_enabled", "msc4242_enabled",
        "msc4267_enabled", "msc4277_enabled", "msc4293_enabled", "msc4354_enabled", "msc4370_enabled",
        "msc4446_enabled", "msc4450_enabled", "msc4452_enabled", "msc4491_enabled", "msc4502_enabled",
    ];

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        Group(Name),
        .. _here.Select(static name => Costless($"{Name}.{name}", "This server has it, or a setting of its own.")),
        .. _specified.Select(static name => Costless($"{Name}.{name}", "It is part of the specification by now.")),
        .. _elsewhere.Select(static name => Listed(
            $"{Name}.{name}", "This experiment is not here, at least not under its unstable name.", "false", "[]")),
        Carried($"{Name}.msc4140_max_delayed_events_per_user", "limits.delayed_events"),
        Read($"{Name}.msc3861", "Sessions and passwords are elsewhere, and not in Synapse's database."),
        Group($"{Name}.msc3866"),
        Costless($"{Name}.msc3866.enabled", "It belongs to require_approval_for_new_accounts."),
        Refused($"{Name}.msc3866.require_approval_for_new_accounts", "New accounts wait for no approval.", "false"),
        Refused(
            $"{Name}.msc4263_limit_key_queries_to_users_who_share_rooms",
            "Users learn the devices of all users whose ids they know.",
            "false"),
    ];
}
