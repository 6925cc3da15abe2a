using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>
/// Who signs in at an identity provider. Only OpenID Connect has a counterpart here: people of other providers are
/// named, because they need another way to sign in.
/// </summary>
internal sealed class IdentitiesPart : PeoplePart
{
    private const string Kind = "identities at providers";

    /// <inheritdoc/>
    public override string Name => "identities";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["user_external_ids"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Here a user has one identity at each provider: the same provider's rows stand beside each other.
        var after = RowKey.Columns(progress.Reached, 3);
        var rows = context.Source.RowsAsync(
            """
            SELECT e.user_id, e.auth_provider, e.external_id, u.name
            FROM user_external_ids e LEFT JOIN users u ON u.name = e.user_id
            WHERE (e.user_id, e.auth_provider, e.external_id) > ($1, $2, $3)
            ORDER BY e.user_id, e.auth_provider, e.external_id
            """,
            stop,
            after[0],
            after[1],
            after[2]);
        var before = (UserId: after[0], Provider: after[1]);
        await foreach (var row in rows)
        {
            var (userId, provider, subject) = (row.Text(0), row.Text(1), row.Text(2));
            progress.Read(Kind);
            if (row.IsNull(3)) progress.LeaveOut(Kind, userId, NoAccount);
            else if (Issuers.Of(provider, context) is not { } issuer)
            {
                progress.LeaveOut(Kind, userId, $"This server does not know the provider '{provider}'.");
            }
            else if (before == (userId, provider))
            {
                progress.LeaveOut(Kind, userId, $"Here a user has one identity at each provider: two at '{provider}'.");
            }
            else
            {
                progress.Add(new SsoIdentityLinked(issuer, subject, userId));
                progress.Written(Kind);
            }

            before = (userId, provider);
            await progress.SaveAsync(RowKey.Of(userId, provider, subject), stop);
        }
    }
}
