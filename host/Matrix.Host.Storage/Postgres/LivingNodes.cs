using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership.Joining;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>What changes while a node lives.</summary>
internal sealed record Sign(string Node, long Incarnation, long LastFlush, long Heartbeat)
{
    /// <summary>Whether both are of one start of a node.</summary>
    internal bool IsOfStart(Sign other) => Node == other.Node && Incarnation == other.Incarnation;
}

/// <summary>A node that is not fenced.</summary>
/// <param name="Sign">Its last sign of life.</param>
/// <param name="Terms">What it needs of others; null if it serves alone, or is too old to say.</param>
internal sealed record LivingNode(Sign Sign, NodeTerms? Terms);

/// <summary>The other nodes that are not fenced, and what they need. One may have ended without a word.</summary>
internal sealed class LivingNodes(StorageOptions options)
{
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(250);

    private bool _saysTerms;

    /// <summary>Reads them, by name.</summary>
    /// <param name="locks">Whether their rows are locked for the transaction.</param>
    internal async Task<IReadOnlyList<LivingNode>> ReadAsync(
        NpgsqlConnection connection, CancellationToken stop, bool locks = false)
    {
        var terms = await SayTermsAsync(connection, stop)
            ? $"""
            {NodeTermsTable.Columns}
            FROM nodes n LEFT JOIN node_terms t ON t.node = n.node AND t.incarnation = n.incarnation
            """
            : "NULL FROM nodes n";
        await using var command = new NpgsqlCommand(
            $"""
            SELECT n.node, n.incarnation, n.last_flush, n.heartbeat, {terms}
            WHERE n.node <> $1 AND n.alive = 1 ORDER BY n.node {(locks ? "FOR UPDATE OF n" : "")}
            """,
            connection)
        {
            Parameters = { new NpgsqlParameter { Value = options.Node } },
        };
        await using var row = await command.ExecuteReaderAsync(stop);
        var found = new List<LivingNode>();
        while (await row.ReadAsync(stop))
        {
            found.Add(new LivingNode(
                new Sign(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3)),
                row.IsDBNull(4) ? null : NodeTermsTable.Of(row, 4)));
        }

        return found;
    }

    /// <summary>
    /// Waits while nodes have something against this one, and gives those that showed no sign of life for long.
    /// </summary>
    /// <param name="whyNot">What a node has against this one; null for nothing.</param>
    /// <exception cref="StorageException">One of them lives.</exception>
    internal async Task<IReadOnlyList<Sign>> SilentAsync(
        NpgsqlConnection connection, Func<LivingNode, string?> whyNot, CancellationToken stop)
    {
        Sign[] seen = [];
        for (var since = options.Time.GetTimestamp(); ;)
        {
            LivingNode[] against =
                [.. (await ReadAsync(connection, stop)).Where(node => whyNot(node) is not null)];
            foreach (var node in against)
            {
                if (seen.Any(before => before != node.Sign && before.IsOfStart(node.Sign)))
                    throw new StorageException(StorageFailure.Refused, whyNot(node)!);
            }

            Sign[] now = [.. against.Select(static node => node.Sign)];
            if (now.Except(seen).Any() || await IsMigratingAsync(connection, stop)) since = options.Time.GetTimestamp();
            seen = now;
            if (now.Length == 0 || options.Time.GetElapsedTime(since) >= options.TakeOverAfter) return seen;
            await Task.Delay(_lookAgain, options.Time, stop);
        }
    }

    /// <summary>Says what this node needs of the others, if the schema has a place for it.</summary>
    internal async Task SayAsync(
        NpgsqlConnection connection, NodeTerms terms, long incarnation, CancellationToken stop)
    {
        if (!await SayTermsAsync(connection, stop)) return;
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO node_terms (node, incarnation, version, oldest_schema, newest_schema, oldest_wire, newest_wire,
                written_wire, settings)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (node) DO UPDATE SET incarnation = excluded.incarnation, version = excluded.version,
                oldest_schema = excluded.oldest_schema, newest_schema = excluded.newest_schema,
                oldest_wire = excluded.oldest_wire, newest_wire = excluded.newest_wire,
                written_wire = excluded.written_wire, settings = excluded.settings
            """,
            connection);
        object[] values =
        [
            options.Node, incarnation, terms.Version, (long)terms.OldestSchema, (long)terms.NewestSchema,
            (long)terms.OldestWire, (long)terms.NewestWire, (long)terms.WrittenWire, terms.Settings.ToString(),
        ];
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(stop);
    }

    /// <summary>Whether a process changes the schema now: a node gives no other sign of life while it does.</summary>
    internal static async Task<bool> IsMigratingAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(PostgresOwner.IsMigrating, connection);
        return await command.ExecuteScalarAsync(stop) is true;
    }

    private async Task<bool> SayTermsAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        if (_saysTerms) return true;
        await using var command = new NpgsqlCommand("SELECT to_regclass('node_terms') IS NOT NULL", connection);
        return _saysTerms = await command.ExecuteScalarAsync(stop) is true;
    }
}
