using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>Workers and their messages.</summary>
internal static class ProcessRows
{
    private const string One = "This server is one process, or a cluster with settings of its own.";

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        Read("instance_map", "The import reads how many processes there are; the proxy needs one address only."),
        Read("federation_sender_instances", "The import reads what each process has sent."),
        Read("stream_writers", "The import reads the position of each writer."),
        .. Names.Select(static name => Costless(name, One)),
    ];

    private static string[] Names =>
    [
        "worker_replication_secret", "worker_replication_secret_path", "start_pushers", "pusher_instances",
        "send_federation", "outbound_federation_restricted_to", "run_background_tasks_on",
        "update_user_directory_from_worker", "update_user_directory", "notify_appservices_from_worker", "redis",
        "worker_app", "worker_name", "worker_listeners", "worker_manhole", "worker_daemonize", "worker_pid_file",
        "worker_log_config", "worker_main_http_uri", "worker_replication_host", "worker_replication_port",
        "worker_replication_http_port", "worker_replication_http_tls", "background_updates",
    ];
}
