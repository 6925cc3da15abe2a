using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>The server itself, its database, its keys and what it serves of itself.</summary>
internal static class ServerRows
{
    private const string Pool = "This server has its own pool of connections.";

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        Carried("server_name", "server_name"),
        Carried("public_baseurl", "public_base_url"),
        Carried("serve_server_wellknown", "federation.well_known_server"),
        Carried("extra_well_known_client_content", "well_known.client"),
        Carried("default_identity_server", "well_known.client"),
        Costless("pid_file", "The import looks there whether Synapse runs; the system's manager knows this server."),
        Costless("daemonize", "The server runs in the foreground."),
        Costless("print_pidfile", "The server has no such file."),
        Costless("user_agent_suffix", "The server has its own name in requests."),
        Costless("use_frozen_dicts", "It is about Python."),
        Costless("soft_file_limit", "The system's manager sets this limit."),
        Costless("gc_thresholds", "It is about Python."),
        Costless("gc_min_interval", "It is about Python."),
        Costless("server_context", "It is a label of Synapse's metrics."),
        Listed("web_client_location", "The page at / is this server's own, and leads to no web client."),
        Refused("hs_disabled", "This server serves everybody: it cannot be closed by a setting.", "false"),
        Costless("hs_disabled_message", "It belongs to hs_disabled."),
        Listed("admin_contact", "Put it into support.admin, so that clients show it.", "[]"),
        Listed("limit_usage_by_mau", "There is no bound on monthly active users.", "false"),
        Costless("max_mau_value", "It belongs to limit_usage_by_mau."),
        Costless("mau_trial_days", "It belongs to limit_usage_by_mau."),
        Costless("mau_appservice_trial_days", "It belongs to limit_usage_by_mau."),
        Costless("mau_limit_alerting", "It belongs to limit_usage_by_mau."),
        Costless("mau_stats_only", "This server does not count monthly active users."),
        Costless("mau_limit_reserved_threepids", "It belongs to limit_usage_by_mau."),
        Costless("report_stats", "This server reports to nobody."),
        Costless("report_stats_endpoint", "This server reports to nobody."),
        Costless("stats", "Statistics of rooms and users are not kept."),
        Listed("templates", "Pages and mails have this server's own texts.", "[]"),
        Read("database", "The import reads it. Where this server keeps its own: database.url."),
        Costless("database.txn_limit", Pool),
        Costless("database.allow_unsafe_locale", "This server compares names by bytes, whatever the locale."),
        Read("database.name", "The import reads the database."),
        Read("database.args", "The import reads the database."),
        Read("database.data_stores", "The import reads the database."),
        Read("databases", "The import reads them. Where this server keeps its own: database.url."),
        Read("database_path", "The import reads it. Where this server keeps its own: database.url."),
        Read("signing_key_path", "The import writes the key into signing.key."),
        Read("signing_key", "The import writes the key into signing.key."),
        Read("old_signing_keys", "The import writes them into signing.key."),
        Carried("key_refresh_interval", "federation.own_key_validity"),
        Carried("trusted_key_servers", "federation.notaries"),
        Carried("perspectives", "federation.notaries"),
        Costless("suppress_key_server_warning", "There is no such warning."),
        Listed(
            "key_server_signing_keys_path",
            "As a notary this server signs with its signing key, not with one for that."),
        Costless("macaroon_secret_key", "Tokens here are random, and not signed; those of guests end."),
        Costless("macaroon_secret_key_path", "Tokens here are random, and not signed; those of guests end."),
        Costless("form_secret", "Forms here are protected in another way; open ones have to be filled in again."),
        Costless("form_secret_path", "Forms here are protected in another way; open ones have to be filled in again."),
        Listed("log_config", "Log lines go to standard output: log.level and log.format."),
        Costless("log_file", "Log lines go to standard output."),
        Costless("no_redirect_stdio", "Log lines go to standard output."),
        Costless("verbose", "log.level says how much is logged."),
        Costless("uploads_path", "Synapse does not read it any more."),
        Costless("event_cache_size", "cache.events has a size in bytes."),
        Costless("caches", "The groups cache and limits have sizes in bytes."),
        Costless("cache_size", "Synapse does not read it any more."),
        Costless("expire_access_token", "Synapse does not read it any more."),
    ];
}
