using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>Filters, with the ids by which clients name them.</summary>
internal sealed class FiltersPart : PeoplePart
{
    private const string Kind = "filters";

    /// <inheritdoc/>
    public override string Name => "filters";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["user_filters"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var whole = context.Source.HasColumn("user_filters", "full_user_id")
            ? "COALESCE(f.full_user_id, '@' || f.user_id || ':' || $3)"
            : "'@' || f.user_id || ':' || $3";
        var after = RowKey.Columns(progress.Reached, 2);
        var rows = context.Source.RowsAsync(
            $"""
            SELECT f.user_id, f.filter_id, f.filter_json, u.name
            FROM user_filters f LEFT JOIN users u ON u.name = {whole}
            WHERE (f.user_id, f.filter_id) > ($1, $2) ORDER BY f.user_id, f.filter_id
            """,
            stop,
            after[0],
            long.TryParse(after[1], out var id) ? id : -1,
            context.ServerName);
        await foreach (var row in rows)
        {
            var (localpart, filterId) = (row.Text(0), row.Int64(1));
            var subject = $"@{localpart}:{context.ServerName} {filterId}";
            progress.Read(Kind);
            if (row.TextOrNull(3) is not { } userId) progress.LeaveOut(Kind, subject, NoAccount);
            else if (!JsonText.TryParseStored(row.Bytes(2), out var filter))
            {
                progress.LeaveOut(Kind, subject, "It is no JSON object.");
            }
            else
            {
                progress.Add(new FilterImported(userId, filterId, CanonicalJson.Bytes(Json.Of(filter))));
                progress.Written(Kind);
            }

            await progress.SaveAsync(RowKey.Of(localpart, row.Text(1)), stop);
        }
    }
}
