using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>Registration tokens. Registrations that wait with one begin anew.</summary>
internal sealed class RegistrationTokensPart : PeoplePart
{
    private const string Kind = "registration tokens";

    /// <inheritdoc/>
    public override string Name => "registration-tokens";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["registration_tokens"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var rows = context.Source.RowsAsync(
            """
            SELECT token, uses_allowed, completed, expiry_time FROM registration_tokens WHERE token > $1 ORDER BY token
            """,
            stop,
            progress.Reached ?? "");
        await foreach (var row in rows)
        {
            progress.Read(Kind);
            progress.Add(new RegistrationTokenImported(
                row.Text(0), row.IsNull(1) ? null : row.Int32(1), row.Int32(2), row.Int64OrNull(3)));
            progress.Written(Kind);
            await progress.SaveAsync(row.Text(0), stop);
        }
    }
}
