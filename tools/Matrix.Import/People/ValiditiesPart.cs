using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>Accounts that expire by a rule of Synapse's: here none does, so they are named.</summary>
internal sealed class ValiditiesPart : PeoplePart
{
    private const string Kind = "accounts that expire";

    /// <inheritdoc/>
    public override string Name => "account-validity";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["account_validity"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var rows = context.Source.RowsAsync(
            "SELECT user_id, expiration_ts_ms FROM account_validity WHERE user_id > $1 ORDER BY user_id",
            stop,
            progress.Reached ?? "");
        await foreach (var row in rows)
        {
            // A faulty time beyond the calendar is shown as its end.
            var most = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
            var at = DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(row.Int64(1), 0, most));
            progress.Read(Kind);
            progress.LeaveOut(Kind, $"{row.Text(0)}, {at:yyyy-MM-dd}", "Here accounts do not expire.");
            await progress.SaveAsync(row.Text(0), stop);
        }
    }
}
