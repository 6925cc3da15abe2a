using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Profiles;

internal sealed class ProfilesTable(IReads reads) : IProfilesTable
{
    private static readonly Statement All = Statement.Of("SELECT field, value FROM profiles WHERE user_id = $1");
    private static readonly Statement One = Statement.Of(
        "SELECT value FROM profiles WHERE user_id = $1 AND field = $2");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO profiles (user_id, field, value) VALUES ($1, $2, $3) ON CONFLICT (user_id, field) DO UPDATE
            SET value = excluded.value
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM profiles WHERE user_id = $1 AND field = $2");
    private static readonly Statement DeleteAll = Statement.Of("DELETE FROM profiles WHERE user_id = $1");

    public static void Register(WriteHandlers handlers) => handlers
        .On<ProfileFieldChanged>(Put, static (a, op) => a.Text(op.UserId).Text(op.Field).Blob(op.Value))
        .On<ProfileFieldDeleted>(Delete, static (a, op) => a.Text(op.UserId).Text(op.Field))
        .On<ProfileDeleted>(DeleteAll, static (a, op) => a.Text(op.UserId));

    public async ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> FindAsync(
        string userId, CancellationToken stop)
    {
        var fields = await reads.ListAsync(
            All, userId, static (a, id) => a.Text(id),
            static row => (Field: row.Text(0), Value: (ReadOnlyMemory<byte>)row.Blob(1)), stop);
        return fields.ToDictionary(field => field.Field, field => field.Value, StringComparer.Ordinal);
    }

    public ValueTask<ReadOnlyMemory<byte>?> FieldAsync(
        string userId, string field, CancellationToken stop) => reads.FirstAsync(
        One,
        (userId, field),
        static (a, q) => a.Text(q.userId).Text(q.field),
        static row => (ReadOnlyMemory<byte>?)row.Blob(0),
        stop);
}
