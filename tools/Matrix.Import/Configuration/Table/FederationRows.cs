using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>Other servers: which ones, at which addresses, with which certificates.</summary>
internal static class FederationRows
{
    private const string Retries = "This server has its own pauses after failures.";

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        Carried("federation_domain_whitelist", "federation.allow_servers", "federation.deny_servers"),
        Listed(
            "federation_whitelist_endpoint_enabled",
            "Clients cannot ask which servers may be talked to.",
            "false"),
        Costless("federation_metrics_domains", "Metrics are not by server."),
        Refused(
            "federation_verify_certificates",
            "Certificates of other servers are always verified: name an own authority in federation.custom_ca.",
            "true"),
        Refused(
            "federation_certificate_verification_whitelist",
            "Certificates of these servers are verified like all others: otherwise they are not reached.",
            "[]"),
        Listed(
            "federation_client_minimum_tls_version",
            "TLS 1.2 and 1.3 are used with other servers.",
            "1", "1.0", "1.1", "1.2"),
        Carried("federation_custom_ca_list", "federation.custom_ca"),
        Costless(
            "use_insecure_ssl_client_just_for_testing_do_not_use", "Certificates are always verified."),
        Carried(
            "ip_range_blacklist",
            "federation.allow_networks", "identity_servers.allow_networks", "push.allow_networks"),
        Carried(
            "ip_range_whitelist",
            "federation.allow_networks", "identity_servers.allow_networks", "push.allow_networks"),
        Carried("federation_ip_range_blacklist", "federation.allow_networks", "identity_servers.allow_networks"),
        Carried("allow_device_name_lookup_over_federation", "federation.send_device_names"),
        Group("federation"),
        Carried("federation.client_timeout", "federation.request_time"),
        Costless("federation.max_short_retry_delay", Retries),
        Costless("federation.max_long_retry_delay", Retries),
        Costless("federation.max_short_retries", Retries),
        Costless("federation.max_long_retries", Retries),
        Costless("federation.destination_min_retry_interval", Retries),
        Costless("federation.destination_retry_multiplier", Retries),
        Costless("federation.destination_max_retry_interval", Retries),
        Costless("federation_rr_transactions_per_room_per_second", "Receipts are gathered for a time of their own."),
        Costless("replication_torture_level", "It is for tests of Synapse."),
    ];
}
