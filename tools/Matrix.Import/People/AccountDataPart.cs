using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>
/// Account data that belongs to no room. Ignored users are part of it: Synapse's table of them is derived. An empty
/// content is a deletion, as it is when a client puts one here.
/// </summary>
internal sealed class AccountDataPart : PeoplePart
{
    private const string Kind = "account data";

    /// <inheritdoc/>
    public override string Name => "account-data";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["account_data", "ignored_users"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var after = RowKey.Columns(progress.Reached, 2);
        var rows = context.Source.RowsAsync(
            """
            SELECT a.user_id, a.account_data_type, a.stream_id, a.content, u.name
            FROM account_data a LEFT JOIN users u ON u.name = a.user_id
            WHERE (a.user_id, a.account_data_type) > ($1, $2) ORDER BY a.user_id, a.account_data_type
            """,
            stop,
            after[0],
            after[1]);
        await foreach (var row in rows)
        {
            var (userId, type) = (row.Text(0), row.Text(1));
            progress.Read(Kind);
            if (Mistake(row, type, out var content) is { } mistake)
            {
                progress.LeaveOut(Kind, $"{userId} {type}", mistake);
            }
            else
            {
                progress.Add(
                    content.Count == 0
                        ? AccountDataPut.Deletion(userId, null, type)
                        : new AccountDataPut(userId, null, type, CanonicalJson.Bytes(Json.Of(content))),
                    Position(row.Int64(2)));
                progress.Written(Kind);
            }

            await progress.SaveAsync(RowKey.Of(userId, type), stop);
        }
    }

    private static string? Mistake(ISourceRow row, string type, out JsonObject content)
    {
        content = JsonObject.Empty;
        if (row.IsNull(4)) return NoAccount;
        if (type == EventTypes.PushRules) return "Push rules are in tables of their own.";
        return JsonText.TryParseStored(row.Bytes(3), out content) ? null : "It is no JSON object.";
    }
}
