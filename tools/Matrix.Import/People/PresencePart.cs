using Matrix.Host.Storage.Tables.Presence;
using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>The messages that users attached to their presence. The rest of presence begins anew.</summary>
internal sealed class PresencePart : PeoplePart
{
    private const string Kind = "status messages";

    /// <inheritdoc/>
    public override string Name => "presence";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["presence_stream", "users_to_send_full_presence_to"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Users of other servers tell their own.
        var after = RowKey.Columns(progress.Reached, 2);
        var rows = context.Source.RowsAsync(
            """
            SELECT p.user_id, p.stream_id, p.status_msg FROM presence_stream p JOIN users u ON u.name = p.user_id
            WHERE (p.user_id, p.stream_id) > ($1, $2) AND p.status_msg <> '' ORDER BY p.user_id, p.stream_id
            """,
            stop,
            after[0],
            long.TryParse(after[1], out var id) ? id : 0);
        await foreach (var row in rows)
        {
            progress.Read(Kind);
            progress.Add(new PresenceStatusChanged(row.Text(0), row.Text(2)));
            progress.Written(Kind);
            await progress.SaveAsync(RowKey.Of(row.Text(0), row.Text(1)), stop);
        }
    }
}
