using Matrix.Core.Presence;
using Matrix.Host.Storage.Tables.Presence;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>
/// The messages that users attached to their presence, and who was present: clients still show them so, and must learn
/// if they do not come back.
/// </summary>
internal sealed class PresencePart : PeoplePart
{
    private const string Messages = "status messages";

    private const string Present = "present users";

    /// <inheritdoc/>
    public override string Name => "presence";

    /// <inheritdoc/>
    public override string Title => "presence";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["presence_stream", "users_to_send_full_presence_to"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Users of other servers tell their own. Of a user's rows the last one counts.
        var after = RowKey.Columns(progress.Reached, 2);
        var rows = context.Source.RowsAsync(
            """
            SELECT p.user_id, p.stream_id, p.status_msg, p.state, p.last_active_ts, p.currently_active
            FROM presence_stream p JOIN users u ON u.name = p.user_id
            WHERE (p.user_id, p.stream_id) > ($1, $2) AND (p.status_msg <> '' OR p.state <> 'offline')
                AND p.stream_id = (SELECT MAX(o.stream_id) FROM presence_stream o WHERE o.user_id = p.user_id)
            ORDER BY p.user_id, p.stream_id
            """,
            stop,
            after[0],
            long.TryParse(after[1], out var id) ? id : 0);
        await foreach (var row in rows)
        {
            var userId = row.Text(0);
            if (row.TextOrNull(2) is { Length: > 0 } message)
            {
                progress.Read(Messages);
                progress.Add(new PresenceStatusChanged(userId, message));
                progress.Written(Messages);
            }

            if (StateOf(row.TextOrNull(3)) is var state and not PresenceState.Offline)
            {
                progress.Read(Present);
                progress.Add(new PresenceStopped(new PresentUser(
                    userId, (int)state, row.Int64OrNull(4) ?? 0, row.Int64OrNull(5) is > 0, row.Int64(1))));
                progress.Written(Present);
            }

            await progress.SaveAsync(RowKey.Of(userId, row.Text(1)), stop);
        }
    }

    /// <summary>The state here; `busy` (MSC3026) is a kind of being online.</summary>
    private static PresenceState StateOf(string? name) => name == "busy" ? PresenceState.Online
        : name is not null && PresenceStates.TryParse(name, out var state) ? state
        : PresenceState.Offline;
}
