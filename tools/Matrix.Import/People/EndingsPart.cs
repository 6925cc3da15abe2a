using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>
/// What ends with Synapse, counted: sign-ins and validations under way, and what this server makes again by itself.
/// </summary>
internal sealed class EndingsPart : IImportPart
{
    // What ends, by its table.
    private static readonly (string Table, string Kind)[] _endings =
    [
        ("login_tokens", "login tokens that end"),
        ("ui_auth_sessions", "confirmations under way that end"),
        ("open_id_tokens", "OpenID tokens that end"),
        ("threepid_validation_session", "validations of addresses that end"),
        ("threepid_guest_access_tokens", "invites of guests by mail that end"),
    ];

    // What is derived, or a statistic of Synapse's own.
    private static readonly string[] _known =
    [
        "ui_auth_sessions_credentials", "ui_auth_sessions_ips", "threepid_validation_token", "sessions",
        "per_user_experimental_features", "pusher_throttle", "deleted_pushers", "user_directory",
        "user_directory_search", "user_directory_stream_pos", "user_directory_stale_remote_users",
        "users_in_public_rooms", "users_who_share_private_rooms", "user_stats_current",
    ];

    /// <inheritdoc/>
    public string Name => "endings";

    /// <inheritdoc/>
    public string Title => "what ends";

    /// <inheritdoc/>
    public IReadOnlyList<string> Tables { get; } =
        [.. _endings.Select(static ending => ending.Table), .. _known];

    /// <inheritdoc/>
    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) => Task.FromResult(1L);

    /// <inheritdoc/>
    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        foreach (var (table, kind) in _endings.Where(ending => context.Source.HasTable(ending.Table)))
        {
            var rows = await context.Source.NumberAsync($"SELECT COUNT(*) FROM {table}", stop);
            if (rows > 0) progress.Read(kind, rows);
        }
    }
}
