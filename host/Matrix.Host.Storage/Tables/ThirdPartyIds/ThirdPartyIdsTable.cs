using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.ThirdPartyIds;

/// <summary>
/// Third-party identifiers of accounts, and the identity servers at which they were bound. A row of either takes some
/// 150 bytes; the changes bound the rows of one user.
/// </summary>
public sealed class ThirdPartyIdsTable(IReads reads)
{
    private const string Columns = "medium, address, user_id, language, validated_at, added_at";

    private static readonly Statement Find = Statement.Of(
        $"SELECT {Columns} FROM third_party_ids WHERE medium = $1 AND address = $2");

    private static readonly Statement OfUser = Statement.Of(
        $"SELECT {Columns} FROM third_party_ids WHERE user_id = $1 ORDER BY added_at, medium, address");

    private static readonly Statement Bindings = Statement.Of("""
        SELECT user_id, medium, address, id_server FROM third_party_bindings WHERE user_id = $1
        ORDER BY medium, address, id_server
        """);

    private static readonly Statement Add = Statement.Of($"""
        INSERT INTO third_party_ids ({Columns}) SELECT $1, $2, $3, $4, $5, $6
        WHERE (SELECT COUNT(*) FROM third_party_ids WHERE user_id = $3 AND NOT (medium = $1 AND address = $2)) < $7
        ON CONFLICT (medium, address) DO UPDATE SET validated_at = excluded.validated_at, language = excluded.language
            WHERE third_party_ids.user_id = excluded.user_id
        """);

    private static readonly Statement Remove = Statement.Of(
        "DELETE FROM third_party_ids WHERE user_id = $1 AND medium = $2 AND address = $3");

    private static readonly Statement RemoveAll = Statement.Of("DELETE FROM third_party_ids WHERE user_id = $1");

    private static readonly Statement Bind = Statement.Of("""
        INSERT INTO third_party_bindings (user_id, medium, address, id_server) SELECT $1, $2, $3, $4
        WHERE (SELECT COUNT(*) FROM third_party_bindings WHERE user_id = $1
            AND NOT (medium = $2 AND address = $3 AND id_server = $4)) < $5
        ON CONFLICT (user_id, medium, address, id_server) DO UPDATE SET id_server = excluded.id_server
        """);

    private static readonly Statement Unbind = Statement.Of("""
        DELETE FROM third_party_bindings WHERE user_id = $1 AND medium = $2 AND address = $3 AND id_server = $4
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<ThirdPartyIdAdded>(Add, static (a, op) => a
            .Text(op.Row.Medium).Text(op.Row.Address).Text(op.Row.UserId).Text(op.Row.Language)
            .Int(op.Row.ValidatedAt).Now().Int(op.Most))
        .OnCondition<ThirdPartyIdRemoved>(
            Remove, static (a, op) => a.Text(op.UserId).Text(op.Medium).Text(op.Address))
        .On<ThirdPartyIdsRemoved>(RemoveAll, static (a, op) => a.Text(op.UserId))
        .On<UserDeactivated>(static (op, writes) =>
            writes.Run(RemoveAll, op, static (a, op) => a.Text(op.UserId)))
        .OnCondition<ThirdPartyIdBound>(Bind, static (a, op) => a
            .Text(op.Binding.UserId).Text(op.Binding.Medium).Text(op.Binding.Address).Text(op.Binding.IdServer)
            .Int(op.Most))
        .On<ThirdPartyIdUnbound>(Unbind, static (a, op) => a
            .Text(op.Binding.UserId).Text(op.Binding.Medium).Text(op.Binding.Address).Text(op.Binding.IdServer));

    /// <summary>The account that has an identifier; null for none.</summary>
    public ValueTask<ThirdPartyIdRow?> FindAsync(string medium, string address, CancellationToken stop) =>
        reads.FirstAsync(
            Find, (medium, address), static (a, q) => a.Text(q.medium).Text(q.address), RowOrNull, stop);

    /// <summary>The identifiers of a user, the oldest first.</summary>
    public ValueTask<IReadOnlyList<ThirdPartyIdRow>> OfUserAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(OfUser, userId, static (a, id) => a.Text(id), Row, stop);

    /// <summary>The bindings of a user.</summary>
    public ValueTask<IReadOnlyList<ThirdPartyBinding>> BindingsAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(
            Bindings,
            userId,
            static (a, id) => a.Text(id),
            static row => new ThirdPartyBinding(row.Text(0), row.Text(1), row.Text(2), row.Text(3)),
            stop);

    private static ThirdPartyIdRow? RowOrNull(IRow row) => Row(row);

    private static ThirdPartyIdRow Row(IRow row) => new(
        row.Text(0), row.Text(1), row.Text(2), row.Text(3), row.Int64(4), row.Int64(5));
}

/// <summary>An identifier of an account.</summary>
/// <param name="Medium">`email` or `msisdn`.</param>
/// <param name="Address">The address in its canonical form.</param>
/// <param name="Language">The language of messages to it.</param>
/// <param name="ValidatedAt">Milliseconds since the epoch.</param>
/// <param name="AddedAt">Milliseconds since the epoch; set when it is stored.</param>
public sealed record ThirdPartyIdRow(
    string Medium, string Address, string UserId, string Language, long ValidatedAt, long AddedAt = 0)
{
    /// <summary>The user only.</summary>
    public override string ToString() => UserId;
}

/// <summary>An identifier that is bound at an identity server.</summary>
public sealed record ThirdPartyBinding(string UserId, string Medium, string Address, string IdServer)
{
    /// <summary>The user only.</summary>
    public override string ToString() => UserId;
}

/// <summary>
/// Adds an identifier to an account, or notes that it was validated again. Not applied if another account has it, or if
/// this one has as many as may be. The account is created in the same batch or exists.
/// </summary>
/// <param name="Most">The most identifiers of one user.</param>
public sealed record ThirdPartyIdAdded(ThirdPartyIdRow Row, int Most) : ConditionalChange;

/// <summary>Removes an identifier from an account. Not applied if the account does not have it.</summary>
public sealed record ThirdPartyIdRemoved(string UserId, string Medium, string Address) : ConditionalChange;

/// <summary>Removes all identifiers of an account.</summary>
public sealed record ThirdPartyIdsRemoved(string UserId) : Change;

/// <summary>An identifier was bound. Not applied if the user has as many bindings as may be.</summary>
/// <param name="Most">The most bindings of one user.</param>
public sealed record ThirdPartyIdBound(ThirdPartyBinding Binding, int Most) : ConditionalChange;

/// <summary>An identifier is no longer bound at an identity server.</summary>
public sealed record ThirdPartyIdUnbound(ThirdPartyBinding Binding) : Change;
