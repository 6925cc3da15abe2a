using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Consumers;

internal sealed class ConsumersTable(IReads reads) : IConsumersTable
{
    private static readonly Statement Find = Statement.Of("SELECT position FROM consumer_positions WHERE name = $1");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO consumer_positions (name, position) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE
            SET position = excluded.position
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<ConsumerAdvanced>(Put, static (a, op) => a.Text(op.Name).Int(op.Through));

    public ValueTask<long?> PositionAsync(string name, CancellationToken stop) =>
        reads.FirstAsync(Find, name, static (a, name) => a.Text(name), static row => (long?)row.Int64(0), stop);
}

/// <summary>The positions of consumers that must not miss a change.</summary>
public interface IConsumersTable
{
    /// <summary>The position up to which a consumer has handled every change; null if it has handled none.</summary>
    ValueTask<long?> PositionAsync(string name, CancellationToken stop);
}

/// <summary>
/// A consumer has handled every change up to a position. This is part of the batch that handles them, so that none is
/// handled twice.
/// </summary>
public sealed record ConsumerAdvanced(string Name, long Through) : Change;
