using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.ThirdPartyIds;

internal sealed class ThirdPartyIdsTable(IReads reads) : IThirdPartyIdsTable
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

    public static void Register(WriteHandlers handlers) => handlers
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

    public ValueTask<ThirdPartyIdRow?> FindAsync(string medium, string address, CancellationToken stop) =>
        reads.FirstAsync(
            Find, (medium, address), static (a, q) => a.Text(q.medium).Text(q.address), RowOrNull, stop);

    public ValueTask<IReadOnlyList<ThirdPartyIdRow>> OfUserAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(OfUser, userId, static (a, id) => a.Text(id), Row, stop);

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
