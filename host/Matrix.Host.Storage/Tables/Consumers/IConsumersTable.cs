using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Consumers;

/// <summary>How far consumers of changes have come that must not miss one.</summary>
public interface IConsumersTable
{
    /// <summary>The position up to which a consumer has handled every change; null for one that never handled any.</summary>
    ValueTask<long?> PositionAsync(string name, CancellationToken stop);
}

/// <summary>A consumer has handled every change up to a position. It is part of the batch that handles them, so that none is handled twice.</summary>
/// <param name="Name">The consumer.</param>
/// <param name="Through">The position.</param>
public sealed record ConsumerAdvanced(string Name, long Through) : WriteOperation;
