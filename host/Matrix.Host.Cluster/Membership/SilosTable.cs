using System.Globalization;
using System.Net;
using Npgsql;
using NpgsqlTypes;
using Orleans;
using Orleans.Runtime;

namespace Matrix.Host.Cluster.Membership;

/// <summary>
/// The table in which the nodes of a cluster agree who is alive. A conditional change names the version of the table
/// and of the row that it read. There is one cluster for each database. A row has about 300 bytes; Orleans keeps few of
/// dead nodes.
/// </summary>
internal sealed class SilosTable(NpgsqlDataSource database) : IMembershipTable
{
    private const int LongestStatementSeconds = 5;

    // Ages are told, because the clocks of nodes differ.
    private const string Now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

    private const string Select = $"""
        SELECT v.version, s.address, s.port, s.generation, s.node, s.incarnation, s.host, s.status, s.readiness,
            s.votes, s.version, {Now} - s.started_at, {Now} - s.alive_at, s.requests, s.clock, {Now}
        FROM silo_version v LEFT JOIN silos s ON
        """;

    private const string SelectAll = $"{Select} TRUE WHERE v.one = 1";

    private const string SelectOne = $"{Select} s.address = $1 AND s.port = $2 AND s.generation = $3 WHERE v.one = 1";

    private const string Insert = $"""
        INSERT INTO silos (address, port, generation, node, incarnation, host, status, readiness, votes, version,
            started_at, changed_at, alive_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, {Now}, {Now}, {Now})
        ON CONFLICT DO NOTHING
        """;

    // Only the silo itself becomes active: it is alive then, before it first says so.
    private const string Update = $"""
        UPDATE silos SET status = $4, votes = $5, version = $6, changed_at = {Now},
            alive_at = CASE WHEN $4 <> status AND $4 = $8 THEN {Now} ELSE alive_at END
        WHERE address = $1 AND port = $2 AND generation = $3 AND version = $7
        """;

    private const string UpdateAlive = $"""
        UPDATE silos SET alive_at = {Now} WHERE address = $1 AND port = $2 AND generation = $3
        """;

    private const string UpdateReadiness = """
        UPDATE silos SET readiness = $4, requests = $5, clock = $6
        WHERE address = $1 AND port = $2 AND generation = $3
        """;

    private const string DeleteDead = $"""
        DELETE FROM silos WHERE status = $1 AND changed_at < {Now} - $2 AND alive_at < {Now} - $2
        """;

    /// <summary>All silos, with what they say of themselves.</summary>
    public Task<SiloRows> ReadAsync(CancellationToken stop) => ReadAsync(SelectAll, stop);

    /// <summary>Stores what a silo says of itself. Other columns and the version of the table stay.</summary>
    public async Task SayAsync(SiloAddress silo, NodeSays says, CancellationToken stop)
    {
        await using var command = Command(
            UpdateReadiness,
            [
                .. Key(silo), (short)says.Readiness, says.Requests?.ToString() ?? "",
                says.Clock is { } clock ? clock : DBNull.Value,
            ]);
        if (await command.ExecuteNonQueryAsync(stop) == 0)
            throw new InvalidOperationException($"The table has no row for the silo {silo}.");
    }

    /// <inheritdoc/>
    public async Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken)
    {
        if (!tryInitTableVersion) return;
        await using var command = Command(
            "INSERT INTO silo_version (one, version) VALUES (1, 0) ON CONFLICT DO NOTHING", []);
        _ = await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken)
    {
        await using var command = Command("DELETE FROM silos", []);
        _ = await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken)
    {
        var age = (long)(DateTimeOffset.UtcNow - beforeDate).TotalMilliseconds;
        await using var command = Command(DeleteDead, [(short)SiloStatus.Dead, age]);
        _ = await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken) =>
        DataOf(await ReadAsync(SelectOne, cancellationToken, Key(key)));

    /// <inheritdoc/>
    public async Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken) =>
        DataOf(await ReadAsync(cancellationToken));

    /// <inheritdoc/>
    public Task<bool> InsertRowAsync(
        MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken)
    {
        var node = SiloNames.TryParse(entry.SiloName)
            ?? throw new InvalidOperationException($"The silo has an unexpected name, {entry.SiloName}.");
        return ChangeAsync(
            tableVersion,
            Insert,
            [
                .. Key(entry.SiloAddress), node.Node, node.Incarnation, entry.HostName, (short)entry.Status,
                VoteText.Of(entry.SuspectTimes), (long)tableVersion.Version,
            ],
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> UpdateRowAsync(
        MembershipEntry entry, string etag, TableVersion tableVersion, CancellationToken cancellationToken) =>
        ChangeAsync(
            tableVersion,
            Update,
            [
                .. Key(entry.SiloAddress), (short)entry.Status, VoteText.Of(entry.SuspectTimes),
                (long)tableVersion.Version, long.Parse(etag, CultureInfo.InvariantCulture), (short)SiloStatus.Active,
            ],
            cancellationToken);

    /// <inheritdoc/>
    public async Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken)
    {
        await using var command = Command(UpdateAlive, Key(entry.SiloAddress));
        _ = await command.ExecuteNonQueryAsync(cancellationToken);
    }

    Task IMembershipTable.InitializeMembershipTable(bool tryInitTableVersion) =>
        InitializeMembershipTableAsync(tryInitTableVersion, CancellationToken.None);

    Task IMembershipTable.DeleteMembershipTableEntries(string clusterId) =>
        DeleteMembershipTableEntriesAsync(clusterId, CancellationToken.None);

    Task IMembershipTable.CleanupDefunctSiloEntries(DateTimeOffset beforeDate) =>
        CleanupDefunctSiloEntriesAsync(beforeDate, CancellationToken.None);

    Task<MembershipTableData> IMembershipTable.ReadRow(SiloAddress key) => ReadRowAsync(key, CancellationToken.None);

    Task<MembershipTableData> IMembershipTable.ReadAll() => ReadAllAsync(CancellationToken.None);

    Task<bool> IMembershipTable.InsertRow(MembershipEntry entry, TableVersion tableVersion) =>
        InsertRowAsync(entry, tableVersion, CancellationToken.None);

    Task<bool> IMembershipTable.UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        UpdateRowAsync(entry, etag, tableVersion, CancellationToken.None);

    Task IMembershipTable.UpdateIAmAlive(MembershipEntry entry) => UpdateIAmAliveAsync(entry, CancellationToken.None);

    private static object[] Key(SiloAddress silo) =>
        [silo.Endpoint.Address.ToString(), (long)silo.Endpoint.Port, (long)silo.Generation];

    private static MembershipTableData DataOf(SiloRows read) => new(
        [.. read.Rows.Select(static row => Tuple.Create(row.Entry, EtagOf(row.Version)))],
        new TableVersion(read.Version, EtagOf(read.Version)));

    private static string EtagOf(int version) => version.ToString(CultureInfo.InvariantCulture);

    private static NpgsqlCommand Filled(NpgsqlCommand command, string sql, object[] values)
    {
        command.CommandText = sql;
        command.CommandTimeout = LongestStatementSeconds;
        foreach (var value in values) command.Parameters.Add(ParameterOf(value));
        return command;
    }

    private static NpgsqlParameter ParameterOf(object value) => value is DBNull
        ? new NpgsqlParameter { Value = value, NpgsqlDbType = NpgsqlDbType.Bigint }
        : new NpgsqlParameter { Value = value };

    private NpgsqlCommand Command(string sql, object[] values) => Filled(database.CreateCommand(), sql, values);

    private async Task<SiloRows> ReadAsync(string sql, CancellationToken stop, params object[] key)
    {
        await using var command = Command(sql, key);
        await using var row = await command.ExecuteReaderAsync(stop);
        var (version, rows, time) = (0, new List<SiloRow>(), (long?)null);
        var now = DateTime.UtcNow;
        while (await row.ReadAsync(stop))
        {
            version = (int)row.GetInt64(0);
            time = row.GetInt64(15);
            if (!row.IsDBNull(1)) rows.Add(RowOf(row, now));
        }

        return new SiloRows(version, rows, time);
    }

    private static SiloRow RowOf(NpgsqlDataReader row, DateTime now) => new(
        new MembershipEntry
        {
            SiloAddress = SiloAddress.New(
                IPAddress.Parse(row.GetString(1)), (int)row.GetInt64(2), (int)row.GetInt64(3)),
            SiloName = SiloNames.Of(new(row.GetString(4), row.GetInt64(5))),
            HostName = row.GetString(6),
            Status = (SiloStatus)row.GetInt16(7),
            SuspectTimes = VoteText.Parse(row.GetString(9)),
            StartTime = now.AddMilliseconds(-row.GetInt64(11)),
            IAmAliveTime = now.AddMilliseconds(-row.GetInt64(12)),
        },
        (int)row.GetInt64(10),
        new NodeSays(
            (Readiness)row.GetInt16(8),
            IPEndPoint.TryParse(row.GetString(13), out var requests) ? requests : null,
            row.IsDBNull(14) ? null : row.GetInt64(14)));

    /// <summary>Changes a row if the table still has the version that was read, both or neither.</summary>
    private async Task<bool> ChangeAsync(TableVersion next, string sql, object[] values, CancellationToken stop)
    {
        await using var connection = await database.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);
        var expected = long.Parse(next.VersionEtag, CultureInfo.InvariantCulture);
        await using var advance = Filled(
            connection.CreateCommand(),
            "UPDATE silo_version SET version = $1 WHERE one = 1 AND version = $2",
            [(long)next.Version, expected]);
        if (await advance.ExecuteNonQueryAsync(stop) == 0) return false;
        await using var change = Filled(connection.CreateCommand(), sql, values);
        if (await change.ExecuteNonQueryAsync(stop) == 0) return false;
        await transaction.CommitAsync(stop);
        return true;
    }
}
