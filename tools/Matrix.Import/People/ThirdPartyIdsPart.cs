using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds;
using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>Mail addresses and phone numbers of accounts.</summary>
internal sealed class ThirdPartyIdsPart : PeoplePart
{
    /// <summary>The language of messages: Synapse does not know one.</summary>
    private const string Language = "en";

    /// <inheritdoc/>
    public override string Name => "third-party-ids";

    /// <inheritdoc/>
    public override string Title => "mail addresses and phone numbers";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["user_threepids"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Addresses that are the same in their canonical form stand beside each other.
        var after = RowKey.Columns(progress.Reached, 3);
        var rows = context.Source.RowsAsync(
            """
            SELECT t.medium, LOWER(t.address), t.address, t.user_id, t.validated_at, t.added_at, u.name
            FROM user_threepids t LEFT JOIN users u ON u.name = t.user_id
            WHERE (t.medium, LOWER(t.address), t.address) > ($1, $2, $3)
            ORDER BY t.medium, LOWER(t.address), t.address
            """,
            stop,
            after[0],
            after[1],
            after[2]);
        var before = ThirdPartyId.Read(after[0], after[2]);
        await foreach (var row in rows)
        {
            var (medium, address, userId) = (row.Text(0), row.Text(2), row.Text(3));
            var kind = medium == Medium.Phone ? "phone numbers" : "mail addresses";
            var id = ThirdPartyId.Read(medium, address);
            progress.Read(kind);
            if (row.IsNull(6)) progress.LeaveOut(kind, userId, NoAccount);
            else if (id is not { } known) progress.LeaveOut(kind, userId, "It is none by the specification.");
            else if (known == before) progress.LeaveOut(kind, userId, "It is another user's, differently written.");
            else
            {
                var carried = new ThirdPartyIdRow(known.Medium, known.Address, userId, Language, row.Int64(4));
                progress.Add(new ThirdPartyIdAdded(carried, int.MaxValue), First, row.Int64(5));
                progress.Written(kind);
            }

            before = id ?? before;
            await progress.SaveAsync(RowKey.Of(medium, row.Text(1), address), stop);
        }
    }
}
