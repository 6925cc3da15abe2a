using Matrix.Core.Cluster;
using Npgsql;

namespace Matrix.Host.Storage.Ownership.Joining;

/// <summary>What nodes said when they joined.</summary>
public static class NodeTermsTable
{
    /// <summary>The columns that <see cref="Of"/> reads, of a table `t`.</summary>
    internal const string Columns =
        "t.version, t.oldest_schema, t.newest_schema, t.oldest_wire, t.newest_wire, t.written_wire, t.settings";

    /// <summary>Reads what the last start of each node said.</summary>
    public static async Task<IReadOnlyDictionary<NodeIncarnation, NodeTerms>> ReadAsync(
        NpgsqlDataSource database, CancellationToken stop)
    {
        await using var command = database.CreateCommand($"SELECT node, incarnation, {Columns} FROM node_terms t");
        await using var row = await command.ExecuteReaderAsync(stop);
        var found = new Dictionary<NodeIncarnation, NodeTerms>();
        while (await row.ReadAsync(stop))
        {
            found[new NodeIncarnation(row.GetString(0), row.GetInt64(1))] = Of(row, 2);
        }

        return found;
    }

    /// <summary>Replaces the settings of a node, after its signing key was.</summary>
    public static async Task ReplaceAsync(
        NpgsqlDataSource database, NodeIncarnation node, SettingDigests settings, CancellationToken stop)
    {
        await using var command = database.CreateCommand(
            "UPDATE node_terms SET settings = $3 WHERE node = $1 AND incarnation = $2");
        foreach (var value in (object[])[node.Node, node.Incarnation, settings.ToString()])
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync(stop);
    }

    /// <summary>The terms in the columns of a row from one on.</summary>
    internal static NodeTerms Of(NpgsqlDataReader row, int at) => new()
    {
        Version = row.GetString(at),
        OldestSchema = (int)row.GetInt64(at + 1),
        NewestSchema = (int)row.GetInt64(at + 2),
        OldestWire = (int)row.GetInt64(at + 3),
        NewestWire = (int)row.GetInt64(at + 4),
        WrittenWire = (int)row.GetInt64(at + 5),
        Settings = SettingDigests.Parse(row.GetString(at + 6)),
    };
}
