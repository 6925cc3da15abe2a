using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds;
using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>Identity servers at which users bound their addresses through Synapse: unbinding goes on.</summary>
internal sealed class BindingsPart : PeoplePart
{
    private const string Kind = "bindings at identity servers";

    /// <inheritdoc/>
    public override string Name => "third-party-bindings";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["user_threepid_id_server"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var after = RowKey.Columns(progress.Reached, 4);
        var rows = context.Source.RowsAsync(
            """
            SELECT b.user_id, b.medium, b.address, b.id_server, u.name
            FROM user_threepid_id_server b LEFT JOIN users u ON u.name = b.user_id
            WHERE (b.user_id, b.medium, b.address, b.id_server) > ($1, $2, $3, $4)
            ORDER BY b.user_id, b.medium, b.address, b.id_server
            """,
            stop,
            after[0],
            after[1],
            after[2],
            after[3]);
        await foreach (var row in rows)
        {
            var (userId, medium, address, server) = (row.Text(0), row.Text(1), row.Text(2), row.Text(3));
            progress.Read(Kind);
            if (row.IsNull(4)) progress.LeaveOut(Kind, userId, NoAccount);
            else if (ThirdPartyId.Read(medium, address) is not { } id)
            {
                progress.LeaveOut(Kind, userId, "It is no address by the specification.");
            }
            else
            {
                var binding = new ThirdPartyBinding(userId, id.Medium, id.Address, server);
                progress.Add(new ThirdPartyIdBound(binding, int.MaxValue));
                progress.Written(Kind);
            }

            await progress.SaveAsync(RowKey.Of(userId, medium, address, server), stop);
        }
    }
}
