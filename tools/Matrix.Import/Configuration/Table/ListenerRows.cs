using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>Listeners, proxies, metrics.</summary>
internal static class ListenerRows
{
    private const string Manhole = "There is no manhole; `mx` asks the running server.";

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        Carried(
            "listeners",
            "listeners.client", "listeners.federation", "listeners.federation_on_client", "listeners.metrics",
            "listeners.trust_forwarded_for"),
        Carried("listeners.port", "listeners.client", "listeners.federation", "listeners.metrics"),
        Carried("listeners.bind_address", "listeners.client", "listeners.federation", "listeners.metrics"),
        Carried("listeners.bind_addresses", "listeners.client", "listeners.federation", "listeners.metrics"),
        Carried("listeners.type", "listeners.client", "listeners.federation", "listeners.metrics"),
        Carried("listeners.tls", "listeners.federation", "tls.certificate", "tls.key"),
        Carried("listeners.x_forwarded", "listeners.trust_forwarded_for"),
        Carried("listeners.resources", "listeners.client", "listeners.federation", "listeners.federation_on_client"),
        Carried(
            "listeners.resources.names",
            "listeners.client", "listeners.federation", "listeners.federation_on_client", "listeners.metrics"),
        Costless("listeners.resources.compress", "A proxy compresses, if that is wanted."),
        Costless("listeners.tag", "Log lines have no names of listeners."),
        Costless("listeners.request_id_header", "Log lines have this server's own ids of requests."),
        Refused("listeners.additional_resources", "Python modules cannot be loaded, and so not serve requests.", "[]"),
        Carried("listeners.path", "listeners.client"),
        Costless("listeners.mode", "It belongs to listeners.path."),
        Costless("manhole", Manhole),
        Costless("manhole_settings", Manhole),
        Carried("bind_port", "listeners.federation", "tls.certificate", "tls.key"),
        Carried("bind_host", "listeners.client", "listeners.federation"),
        Carried("unsecure_port", "listeners.client", "listeners.federation_on_client"),
        Carried("no_tls", "listeners.federation"),
        Costless("gzip_responses", "A proxy compresses, if that is wanted."),
        Carried("tls_certificate_path", "tls.certificate"),
        Carried("tls_private_key_path", "tls.key"),
        Costless("tls_dh_params_path", "Synapse does not read it any more."),
        Costless("tls_fingerprints", "Synapse does not read it any more."),
        Costless("acme", "Synapse does not read it any more."),
        Refused("http_proxy", "Requests to other servers go out directly: this server knows no proxy for them.", "[]"),
        Refused("https_proxy", "Requests to other servers go out directly: this server knows no proxy for them.", "[]"),
        Costless("no_proxy_hosts", "It belongs to https_proxy."),
        Carried("metrics_port", "listeners.metrics"),
        Carried("metrics_bind_host", "listeners.metrics"),
        Costless("enable_metrics", "listeners.metrics has this server's own metrics; panels for Synapse do not fit."),
        Costless("metrics_flags", "listeners.metrics has this server's own metrics."),
        Listed("sentry", "Errors are logged, and not reported to Sentry.", "[]"),
        Costless("opentracing", "There is no tracing; metrics say how long requests take."),
    ];
}
